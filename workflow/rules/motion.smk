# Measure the motion of knees in the masks of all runs; there only where the experiment has a section motion.
rule motion:
    input:
        f"{RESULTS}/experiments/{{experiment}}/experiment.json",
        lambda w: measured(w.experiment),
    output:
        f"{RESULTS}/experiments/{{experiment}}/motion.csv",
    log:
        f"{RESULTS}/logs/motion/{{experiment}}.log",
    conda:
        "../../envs/core.yaml"
    threads: 2
    shell:
        "seggrid motion {wildcards.experiment} --processes {threads} > {log:q} 2>&1"
