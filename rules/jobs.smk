# All datasets at once: sent to AWS Batch and followed to their end, or, where they are too many to be jobs of Snakemake,
# run on this machine.
#
# INPUTS   the plan of the run; datasets that have succeeded are not run
#          the list of references, where they are synced
# OUTPUTS  results/<batch>/ended.txt, which says how the batch ended; products and markers are in the store


localrules:
    jobs,


rule jobs:
    input:
        plan=RUN.plan.to_run,
        references=RUN.synced_references,
    output:
        ended=RUN.ended_of_run,
    log:
        f"logs/{RUN.batch}/jobs.log",
    benchmark:
        f"logs/{RUN.batch}/jobs.benchmark.tsv"
    threads: RUN.threads_of_jobs
    resources:
        mem_mb=RUN.memory_of_jobs,
        disk_mb=1000,
        runtime="30d",
    params:
        start=RUN.start,
        follow=RUN.follow,
        ended=RUN.ended,
    message:
        f"jobs of batch {RUN.batch}"
    shell:
        # what is for a person goes to the terminal by this descriptor, all else to the log
        "export HSTDP_SCREEN_FD=3; rm -f {params.ended:q}; ( {params.start:q} && {params.follow:q} ) 3>&2 >{log:q} 2>&1"
        " && cp {output.ended:q} {params.ended:q}"
