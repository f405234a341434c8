# Train one run. Only status.json is declared: checkpoints must outlive a job that starts again.
rule train:
    input:
        lambda w: f"{RESULTS}/data/{spec(w.run)['data_id']}/index.csv",
        initial_weights,
    output:
        f"{RESULTS}/runs/{{run}}/status.json",
    log:
        f"{RESULTS}/logs/train/{{run}}.log",
    wildcard_constraints:
        run=r"(?!ensemble-)[^/]+",
    group:
        allocation
    conda:
        "../../envs/core.yaml"
    threads: lambda w: spec(w.run)["training"]["threads"]
    shell:
        "seggrid train {wildcards.run} > {log:q} 2>&1"
