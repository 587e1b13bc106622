# The plan: cores, memory and time for each dataset.
#
# INPUTS   the id lists of the configuration
# OUTPUTS  plan.out, one JSON line a dataset


localrules:
    plan,


rule plan:
    input:
        RUN.remaining.id_lists,
    output:
        "plan.out",
    log:
        f"logs/{RUN.batch}/plan.log",
    benchmark:
        f"logs/{RUN.batch}/plan.benchmark.tsv"
    params:
        arguments=RUN.arguments.plan,
    message:
        f"plan of batch {RUN.batch}"
    shell:
        "hstdputils plan {params.arguments:q} > {output:q} 2> {log:q}"
