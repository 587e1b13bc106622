# References: all that the datasets need, brought into the CRDS cache once. Needed where sync_references is true.
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
    params:
        arguments=RUN.arguments.sync,
    message:
        f"references of batch {RUN.batch}"
    shell:
        "hstdputils sync {params.arguments:q} {input.plan:q} 2> {log:q}"
