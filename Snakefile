# Which network x loss mixture segments best: snakemake -c2 --config experiment=NAME [data=FOLDER]
from snakemake.utils import min_version

min_version("9.20")


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/ensemble.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/search.smk"
include: "workflow/rules/motion.smk"
include: "workflow/rules/score.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/refit.smk"
include: "workflow/rules/track.smk"


# The report and the import into MLflow; everything else follows.
rule all:
    default_target: True
    input:
        f"{RESULTS}/experiments/{EXPERIMENT}/report.html",
        f"{RESULTS}/experiments/{EXPERIMENT}/tracked.json",


# The networks only, without scores.
rule trained:
    input:
        lambda _: run_files(EXPERIMENT, "status.json"),


onstart:
    look_only_when_a_job_has_ended(workflow)
    take_over(log)


onsuccess:
    print_ranking()


onerror:
    report_what_there_is()
