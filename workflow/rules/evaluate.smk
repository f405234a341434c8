# Predict and measure the held-out cases of a run.
rule evaluate:
    input:
        f"{RESULTS}/runs/{{run}}/status.json",
    output:
        f"{RESULTS}/runs/{{run}}/eval-{{evaluation}}/cases.csv",
    log:
        f"{RESULTS}/logs/evaluate/{{run}}-{{evaluation}}.log",
    group:
        allocation
    conda:
        "../../envs/core.yaml"
    threads: lambda w: spec(w.run)["training"]["threads"]
    shell:
        "seggrid evaluate {wildcards.run} {wildcards.evaluation} > {log:q} 2>&1"
