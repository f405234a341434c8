# Train the winner on all cases; there only where it is registered that way. It is no local rule, for it trains.
rule refit:
    input:
        f"{RESULTS}/experiments/{{experiment}}/ranking.csv",
    output:
        f"{RESULTS}/experiments/{{experiment}}/refit.json",
    log:
        f"{RESULTS}/logs/refit/{{experiment}}.log",
    conda:
        "../../envs/core.yaml"
    threads: lambda w: experiment_of(w.experiment)["training"]["threads"]
    shell:
        "seggrid refit {wildcards.experiment} > {log:q} 2>&1"
