from snakemake.utils import min_version

from hstdputils.workflow_run.run import Run

min_version("9.20")


configfile: "config/config.yaml"


RUN = Run(config, is_main=workflow.is_main_process)

# without a profile or --cores, one core: `snakemake plan.out` works as it stands
if workflow.resource_settings.cores is None:
    workflow.resource_settings.cores = 1


RUN.use(
    workflow.resource_settings.cores,
    workflow.global_resources.get("mem_mb"),
    is_local=workflow.local_exec,
)


container: RUN.config.container


onstart:
    RUN.remaining.probe()


include: "rules/plan.smk"
include: "rules/references.smk"
include: "rules/process.smk"
include: "rules/jobs.smk"
include: "rules/report.smk"


rule all:
    default_target: True
    input:
        RUN.remaining.work,
        RUN.report,
