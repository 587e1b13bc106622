"""The workflow as a module of another one, as Snakemake's catalogue offers it."""

import pytest
import yaml

from tests.conftest import ROOT

pytestmark = pytest.mark.engine("Snakemake", "calcos")

OTHER = """\
module calcloud:
    snakefile: {snakefile!r}
    config: {config!r}

use rule * from calcloud as hst_*

rule all:
    default_target: True
    input: rules.hst_all.input
"""


@pytest.mark.slow
def test_another_workflow_uses_the_rules(project, tmp_path):
    project.set_ids("ldem01acq")
    (tmp_path / "Snakefile").unlink()
    other = OTHER.format(snakefile=str(ROOT / "workflow/Snakefile"), config=project.config)
    (tmp_path / "Snakefile").write_text(other)
    ran = project.commands.run_warm("snakemake", "--cores", "2")
    assert ran.status == 0, ran.said
    assert project.marker("ldem01acq") is not None
    assert (tmp_path / "results/night-1/report.html").exists()


def test_what_the_catalogue_says():
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert usage["mandatory-flags"]["flags"].split()[-1] in {path.name for path in (ROOT / "profiles").iterdir()}
    assert (ROOT / "config/README.md").exists()
    assert usage["report"] is True
