# Pilots: of each group of datasets that are planned from their names alone, one runs first, and the others are planned
# again on what it used. Needed where plan.pilot is true.
#
# INPUTS   the plan of the run, which stays as it is; pilots that have succeeded are not run
#          the list of references, where they are synced
# OUTPUTS  results/<batch>/plan.pilot.out, the second plan, and a copy by which this run works


localrules:
    pilots,


rule pilots:
    input:
        plan=RUN.plan.copy,
        references=RUN.synced_references,
    output:
        plan=RUN.plan.refined,
    log:
        f"logs/{RUN.batch}/pilots.log",
    benchmark:
        f"logs/{RUN.batch}/pilots.benchmark.tsv"
    threads: RUN.threads_of_jobs
    resources:
        mem_mb=RUN.memory_of_jobs,
        disk_mb=1000,
        runtime="30d",
    params:
        pilots=RUN.plan.pilots,
        start=RUN.start_pilots,
        follow=RUN.follow_pilots,
        refine=RUN.arguments.refine,
        second=RUN.second_plan,
    message:
        f"pilots of batch {RUN.batch}"
    shell:
        # a pilot that fails leaves its group as it was planned; a signal ends the run
        "export HSTDP_SCREEN_FD=3; ( hstdputils plan pilots {input.plan:q} -o {params.pilots:q}"
        " && if [ -s {params.pilots:q} ]; then {params.start:q} && {params.follow:q} || [ $? -lt 128 ]; fi"
        " && hstdputils plan refine {params.refine:q} {input.plan:q} -o {output.plan:q}"
        " && cp {output.plan:q} {params.second:q} ) 3>&2 >{log:q} 2>&1"
