# References: all that the datasets need, downloaded into the CRDS cache once. Needed where crds.sync is true.
#
# INPUTS   the plan of the run; the headers of the raw files of its datasets that have not succeeded
# OUTPUTS  results/<batch>/references.json, the CRDS context and the references with their sizes


localrules:
    references,


rule references:
    input:
        plan=RUN.plan.copy,
    output:
        # the list itself may be another run's, too, and is not removed when a job begins
        touch(RUN.references_of_run),
    log:
        f"logs/{RUN.batch}/references.log",
    benchmark:
        f"logs/{RUN.batch}/references.benchmark.tsv"
    resources:
        mem_mb=4000,
        disk_mb=1000,
        runtime="1d",
    params:
        arguments=RUN.arguments.sync,
    message:
        f"references of batch {RUN.batch}"
    shell:
        "hstdputils sync {params.arguments:q} {input.plan:q} 2> {log:q}"
