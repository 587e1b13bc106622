from snakemake.utils import min_version

from hstdputils.workflow_run.run import Run

min_version("9.20")


configfile: "config/config.yaml"


# no documented way: whether the executor, which is known once the graph is made, runs jobs on this machine
RUN = Run(
    config, is_main=workflow.is_main_process, is_local=lambda: workflow.local_exec
)
# no documented way: one core where none are given, so that `snakemake plan.out` works as it stands
RUN.cores = workflow.resource_settings.cores = workflow.resource_settings.cores or 1
# no documented way: what jobs may grow to, and whether they run in containers
RUN.resources = workflow.resource_settings.resources
RUN.in_container = "APPTAINER" in str(workflow.deployment_settings.deployment_method)


container: RUN.container


onstart:
    # no documented way: `retries` of a rule are read before the executor is known
    RUN.begin(workflow.get_rule("process"))


include: "rules/plan.smk"
include: "rules/references.smk"
include: "rules/pilots.smk"
include: "rules/process.smk"
include: "rules/jobs.smk"
include: "rules/report.smk"


rule all:
    default_target: True
    input:
        RUN.remaining.work,
        RUN.report,
