# The plan of the batch: cores, memory and time for each dataset.
#
# INPUTS   the id lists of the configuration, and the plan as it is; by content, not age
# OUTPUTS  results/<batch>/plan.out, one JSON line a dataset, and a copy for this run, which no other run changes
#          plan.out, for `snakemake plan.out`: a copy for people, which nothing reads back


localrules:
    plan,
    show_plan,


rule plan:
    output:
        RUN.plan.copy,
    log:
        f"logs/{RUN.batch}/plan.log",
    benchmark:
        f"logs/{RUN.batch}/plan.benchmark.tsv"
    resources:
        mem_mb=4000,
        disk_mb=1000,
        runtime="4h",
    params:
        arguments=RUN.arguments.plan,
    message:
        f"plan of batch {RUN.batch}"
    shell:
        "hstdputils plan {params.arguments:q} --copy {output:q} 2> >($HSTDP_TO_LOG {log:q} >&2)"


rule show_plan:
    input:
        RUN.plan.inputs_of_show_plan,
    output:
        "plan.out",
    log:
        f"logs/{RUN.batch}/show_plan.log",
    benchmark:
        f"logs/{RUN.batch}/show_plan.benchmark.tsv"
    resources:
        mem_mb=1000,
        disk_mb=1000,
        runtime="10m",
    params:
        plan=RUN.plan.path,
        sha256=RUN.plan.sha256,
    message:
        f"plan.out shows the plan of batch {RUN.batch}"
    shell:
        "cp {params.plan:q} {output:q}.$$ 2> {log:q} && mv {output:q}.$$ {output:q} 2>> {log:q}"
