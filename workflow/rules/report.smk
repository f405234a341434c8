# Write the report of an experiment.
rule report:
    input:
        f"{RESULTS}/experiments/{{experiment}}/ranking.csv",
    output:
        report(
            f"{RESULTS}/experiments/{{experiment}}/report.html",
            caption="../report/report.rst",
            category="Report",
            labels={"experiment": "{experiment}"},
        ),
        report(
            directory(f"{RESULTS}/experiments/{{experiment}}/figures"),
            patterns=["{figure}.svg"],
            caption="../report/figure.rst",
            category="Figures",
            labels={"experiment": "{experiment}", "figure": "{figure}"},
        ),
    log:
        f"{RESULTS}/logs/report/{{experiment}}.log",
    localrule: True
    conda:
        "../../envs/core.yaml"
    shell:
        "seggrid report {wildcards.experiment} > {log:q} 2>&1"
