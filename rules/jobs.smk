# All datasets at once: sent to AWS Batch and followed to their end, or, where they are too many to be jobs of Snakemake,
# run on this machine.
#
# INPUTS   plan.out; datasets that have succeeded are not run
#          the list of references, where they are synced
# OUTPUTS  results/<batch>/ended.txt, which says how the batch ended; products and markers are in the store


localrules:
    jobs,


rule jobs:
    input:
        plan="plan.out",
        references=RUN.synced_references,
    output:
        ended=RUN.ended,
    log:
        f"logs/{RUN.batch}/jobs.log",
    benchmark:
        f"logs/{RUN.batch}/jobs.benchmark.tsv"
    params:
        commands=RUN.all_at_once,
        # each run does what is left to do, whatever the last one left behind
        run=RUN.started,
    message:
        f"jobs of batch {RUN.batch}"
    shell:
        "( {params.commands} ) 2> >(tee -i {log:q} >&2)"
