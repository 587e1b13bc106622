# Processing: one job a dataset.
#
# INPUTS   the plan of the run, for cores, memory and time; datasets that have succeeded are not in the graph at all
#          the list of references, where they are synced
# OUTPUTS  the dataset's marker in the store, written after its products and manifest, and a copy for this run: Snakemake
#          removes outputs when a job begins or fails, and another run may be at work on the dataset


wildcard_constraints:
    ipppssoot="[a-z0-9_-]+",


rule process:
    input:
        plan=RUN.plan.to_run,
        references=RUN.synced_references,
    output:
        marker=RUN.marker,
    log:
        f"logs/{RUN.batch}/{{ipppssoot}}.log",
    benchmark:
        f"logs/{RUN.batch}/{{ipppssoot}}.benchmark.tsv"
    priority: RUN.jobs.priority
    retries: RUN.config.retries
    threads: RUN.jobs.vcpus
    resources:
        mem_mb=RUN.jobs.memory_mib,
        disk_mb=RUN.jobs.disk_mib,
        runtime=RUN.jobs.runtime,
        max_seconds=RUN.jobs.max_seconds,
        tries=RUN.jobs.try_number,
        # what HTCondor's plugin reads, in place of the three above; other executors ignore it
        request_memory=RUN.jobs.request_memory,
        request_disk=RUN.jobs.request_disk,
        allowed_execute_duration=RUN.jobs.execute_seconds,
        classad_HstdpRun=RUN.jobs.condor_run,
        classad_HstdpDataset=RUN.jobs.condor_dataset,
    params:
        arguments=RUN.process_arguments,
        row=RUN.jobs.row,
        command=RUN.jobs.command,
    message:
        "{wildcards.ipppssoot}"
    shell:
        "{params.command:q} {params.arguments:q} {wildcards.ipppssoot:q}"
        " --plan-row {params.row:q} --memory-mib {resources.mem_mb:q} --max-seconds {resources.max_seconds:q}"
        " --wait --try {resources.tries:q} --copy-marker {output.marker:q} > {log:q} 2>&1"
