import os
import sys
from pathlib import Path

from snakemake.utils import min_version

from hstdputils.runs import Run

min_version("9.20")

# The commands of the rules are those of the environment that Snakemake itself is in.
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


configfile: "config/config.yaml"


RUN = Run(config)


container: RUN.config.container


include: "rules/plan.smk"
include: "rules/process.smk"
include: "rules/report.smk"


rule all:
    default_target: True
    input:
        RUN.report,
