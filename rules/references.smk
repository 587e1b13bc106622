# References: all that the datasets need, brought into the CRDS cache once. Needed where sync_references is true.
#
# INPUTS   plan.out; the headers of the raw files of its datasets that have not succeeded
# OUTPUTS  results/<batch>/references.json, the CRDS context and the references with their sizes


localrules:
    references,


rule references:
    input:
        plan="plan.out",
    output:
        list=RUN.references,
    log:
        f"logs/{RUN.batch}/references.log",
    benchmark:
        f"logs/{RUN.batch}/references.benchmark.tsv"
    params:
        arguments=RUN.arguments.sync,
        # each run syncs what is left to do, whatever the last one left behind
        run=RUN.started,
    message:
        f"references of batch {RUN.batch}"
    shell:
        "hstdputils sync {params.arguments:q} --list {output.list:q} {input.plan:q} 2> {log:q}"
