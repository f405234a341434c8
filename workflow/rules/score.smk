# Rank the candidates of an experiment.
rule score:
    input:
        f"{RESULTS}/experiments/{{experiment}}/plan.csv",
        f"{RESULTS}/experiments/{{experiment}}/experiment.json",
        lambda w: measured(w.experiment),
        lambda w: motion_measured(w.experiment),
    output:
        report(
            f"{RESULTS}/experiments/{{experiment}}/ranking.csv",
            caption="../report/ranking.rst",
            category="Tables",
            labels={"experiment": "{experiment}", "table": "ranking"},
        ),
        report(
            f"{RESULTS}/experiments/{{experiment}}/objects.csv",
            caption="../report/objects.rst",
            category="Tables",
            labels={"experiment": "{experiment}", "table": "objects"},
        ),
        report(
            f"{RESULTS}/experiments/{{experiment}}/ranking.txt",
            caption="../report/ranking_text.rst",
            category="Tables",
            labels={"experiment": "{experiment}", "table": "ranking in words"},
        ),
    log:
        f"{RESULTS}/logs/score/{{experiment}}.log",
    localrule: True
    conda:
        "../../envs/core.yaml"
    shell:
        "seggrid score {wildcards.experiment} > {log:q} 2>&1"
