# The report: how each dataset of the plan ended.
#
# INPUTS   plan.out, and the end of the datasets that have not succeeded yet
# OUTPUTS  results/<batch>/report.html, and a table on the terminal; a run in which datasets fail makes it too


localrules:
    report,


rule report:
    input:
        plan="plan.out",
        work=RUN.work_to_do,
    output:
        html=RUN.report,
    log:
        f"logs/{RUN.batch}/report.log",
    benchmark:
        f"logs/{RUN.batch}/report.benchmark.tsv"
    params:
        arguments=RUN.report_arguments,
    message:
        f"report of batch {RUN.batch}"
    shell:
        "hstdputils report {params.arguments:q} --plan {input.plan:q} 2> {log:q}"


onerror:
    shell("hstdputils report {RUN.report_arguments:q} --plan plan.out --if-any")
