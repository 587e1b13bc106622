"""The rules in containers of Apptainer, with a local image: ``snakemake --sdm apptainer``."""

import os
from pathlib import Path

import pytest

from tests.conftest import ROOT, Commands, MadeUp
from tests.engines.comparing import assert_same_products
from tests.engines.conftest import FolderRun
from tests.engines.honesty import assert_complete

pytestmark = [pytest.mark.engine("Apptainer"), pytest.mark.engine("CRDS")]

DATASET = "ldem01acq"


def test_rules_run_in_the_image(
    sif: dict[str, str],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    made_up: MadeUp,
    folder_run: FolderRun,
):
    """Store, inputs and CRDS cache lie outside the project's folder; outside the image there is no hstdputils."""
    store = tmp_path_factory.mktemp("store") / "products"
    for name in ("Snakefile", "rules", "config", "profiles"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "onsite").symlink_to("profiles/onsite")
    (tmp_path / "my.ids").write_text(f"{DATASET}\n")
    absent = tmp_path / "absent/hstdputils"
    absent.parent.mkdir()
    absent.write_text("#!/bin/sh\necho 'not in the image' >&2\nexit 1\n")
    absent.chmod(0o755)
    path = os.pathsep.join([str(absent.parent), sif["programs"], Commands(tmp_path).environment()["PATH"]])
    commands = Commands(tmp_path, PATH=path, CRDS_READONLY_CACHE="1")
    settings = [
        *("ids=my.ids", "batch=b", f"store={store}", f"inputs={made_up.inputs}", f"image={sif['sif']}"),
        *(f"crds_path={made_up.crds}", "crds_context=hst_9001.pmap"),
    ]
    ran = commands.run("snakemake", "--profile", "onsite", "--sdm", "apptainer", "--config", *settings, timeout=300)
    assert ran.status == 0, ran.said
    assert f"Activating singularity image {sif['sif']}" in ran.said
    assert_complete(store, DATASET)
    assert_same_products(folder_run.store / "b" / DATASET, store / "b" / DATASET)
    assert (tmp_path / "results/b/report.html").exists()
    outside = commands.run("snakemake", "--profile", "onsite", "--config", *settings, "batch=c", timeout=300)
    assert "not in the image" in outside.said
