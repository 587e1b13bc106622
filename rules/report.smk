# The report: how each dataset of the plan ended.
#
# INPUTS   plan.out, and the end of the datasets that have not succeeded yet
# OUTPUTS  results/<batch>/report.html, report.json and report.csv, and a table on the terminal; a run in which
#          datasets fail makes them too. `snakemake --report report.zip` carries the page


localrules:
    report,


rule report:
    input:
        plan="plan.out",
        work=RUN.remaining.work,
    output:
        html=report(
            RUN.report,
            caption="../workflow/report/batch.rst",
            category="Batches",
            labels={"batch": RUN.batch},
        ),
        json=RUN.report_json,
        csv=RUN.report_csv,
    log:
        f"logs/{RUN.batch}/report.log",
    benchmark:
        f"logs/{RUN.batch}/report.benchmark.tsv"
    params:
        arguments=RUN.arguments.report,
    message:
        f"report of batch {RUN.batch}"
    shell:
        "hstdputils report {params.arguments:q} --plan {input.plan:q} 2> {log:q}"


onerror:
    shell("hstdputils report {RUN.arguments.report:q} --plan plan.out --if-any")
