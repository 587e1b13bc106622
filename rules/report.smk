# The report: how each dataset of the plan ended.
#
# INPUTS   the plan of the batch, and the end of the datasets that have not succeeded yet
# OUTPUTS  results/<batch>/report.html, report.json and report.csv; a run in which datasets fail makes them too. A table
#          on the terminal where Snakemake's own output is there. `snakemake --report report.zip` carries the page


localrules:
    report,


rule report:
    input:
        plan=RUN.remaining.plan,
        work=RUN.remaining.work,
    output:
        # written whole, and never away while another run over the batch looks for them
        html=update(
            report(
                RUN.report,
                caption="../workflow/report/batch.rst",
                category="Batches",
                labels={"batch": RUN.batch},
            )
        ),
        json=update(RUN.report_json),
        csv=update(RUN.report_csv),
    log:
        f"logs/{RUN.batch}/report.log",
    benchmark:
        f"logs/{RUN.batch}/report.benchmark.tsv"
    resources:
        mem_mb=4000,
        disk_mb=1000,
        runtime="4h",
    params:
        arguments=RUN.arguments.report,
        plan=RUN.plan.path,
    message:
        f"report of batch {RUN.batch}"
    shell:
        "hstdputils report {params.arguments:q} --plan {params.plan:q} $HSTDP_QUIET 2> {log:q}"


onsuccess:
    RUN.tidy()


onerror:
    shell(
        "hstdputils report {RUN.arguments.report:q} --plan {RUN.plan_of_batch:q} $HSTDP_QUIET --if-any"
    )
    RUN.tidy()
