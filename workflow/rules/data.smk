# Check, preprocess and split a data set, once for all runs on it.
rule preprocess:
    output:
        f"{RESULTS}/data/{{data}}/index.csv",
    log:
        f"{RESULTS}/logs/preprocess/{{data}}.log",
    conda:
        "../../envs/core.yaml"
    threads: 2
    shell:
        "seggrid preprocess {wildcards.data} --processes {threads} > {log:q} 2>&1"
