# Join trained runs to an ensemble, which is measured like a run. Learned weights need predictions of the members.
rule ensemble:
    input:
        lambda w: [
            f"{RESULTS}/runs/{run}/status.json" for run in spec(w.run)["members"]
        ],
        lambda w: f"{RESULTS}/data/{spec(w.run)['data_id']}/index.csv",
    output:
        f"{RESULTS}/runs/{{run}}/status.json",
    log:
        f"{RESULTS}/logs/ensemble/{{run}}.log",
    wildcard_constraints:
        run=ENSEMBLE,
    group:
        "ensemble"
    conda:
        "../../envs/core.yaml"
    threads: lambda w: spec(w.run)["training"]["threads"]
    shell:
        "seggrid ensemble {wildcards.run} > {log:q} 2>&1"
