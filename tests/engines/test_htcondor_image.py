"""Jobs of HTCondor in containers: what condor_submit makes of an image, and a dataset in the project's own."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from hstdputils.core.errors import UserError
from hstdputils.engines.htcondor.description import image_of
from tests.conftest import ROOT
from tests.engines.comparing import assert_same_products
from tests.engines.honesty import assert_complete
from tests.stand_ins.debian_roots import NotThereError, condor_root
from tests.stand_ins.htcondor.pool import CondorPool
from tests.stand_ins.htcondor.site import CondorSite

pytestmark = pytest.mark.engine("HTCondor")

DATASET = "ldem01acq"


@pytest.fixture
def pool_with_apptainer(sif, made_up):
    """Return a pool whose machine has apptainer, and binds the made-up data into containers."""
    more = f'SINGULARITY = {sif["programs"]}/apptainer\nSINGULARITY_BIND_EXPR = "{made_up.inputs.parent}"\n'
    try:
        pool = CondorPool(condor_root(ROOT / "build"), more)
    except NotThereError as reason:
        pytest.skip(str(reason))
    yield pool
    pool.stop()


@pytest.fixture
def sandbox(sif, tmp_path_factory):
    """Return the project's image as a folder: a .sif file would be unpacked for each job where nobody is root."""
    folder = tmp_path_factory.mktemp("image") / "sandbox"
    listed = _run(f"{sif['programs']}/apptainer", "sif", "list", sif["sif"])
    (offset,) = re.findall(r"\|(\d+)-\d+ *\|FS", listed)
    _run("unsquashfs", "-quiet", "-no-progress", "-no-xattrs", "-offset", offset, "-dest", folder, sif["sif"])
    yield folder
    subprocess.run(["rm", "-rf", folder], check=True)


def _run(*argv):
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.engine("Apptainer", "CRDS")
@pytest.mark.slow
def test_a_dataset_in_an_image(commands, pool_with_apptainer, sandbox, made_up, folder_run):
    """Store, inputs and CRDS cache lie outside the image, and the programs in it alone."""
    pool, site = pool_with_apptainer, CondorSite(commands, pool_with_apptainer)
    assert pool.ads("condor_status")[0]["HasSandboxImage"]
    site.write_rows([{**site.row(0, memory_mib=2048), "ipppssoot": DATASET}])
    words = [f"--image={os.path.relpath(sandbox, site.folder)}", "--", f"--inputs={made_up.inputs}"]
    ran = site.submit(*words, "--crds-context=hst_9001.pmap", CRDS_READONLY_CACHE="1")
    assert ran.status == 0, ran.said
    ran = site.watch(timeout=300)
    logs = "".join(path.read_text() for path in (site.folder / "logs/b").glob("*.log"))
    assert ran.status == 0, ran.said + logs
    assert not site.started(), "the stand-in outside the image has run"
    marker = assert_complete(site.store, DATASET)
    assert marker["job"].endswith("#1.0")
    assert_same_products(folder_run.store / "b" / DATASET, site.store / "b" / DATASET)
    (job,) = pool.history()
    assert Path(job["ContainerImage"]).resolve() == sandbox.resolve()
    assert job["TransferContainer"] is False


@pytest.mark.engine("Apptainer")
def test_an_image_that_cannot_be_run(commands, pool_with_apptainer):
    """HTCondor by itself would send such a job to a machine again and again, for ever."""
    site = CondorSite(commands, pool_with_apptainer)
    (name,) = site.write(1)
    (site.folder / "nothing").mkdir()
    assert site.submit(f"--image={site.folder}/nothing").status == 0
    site.pool.wait(lambda: site.pool.jobs("JobStatus == 5"), seconds=90)
    ran = site.watch("--once")
    assert "host_lost (held: 4 starts did not end" in ran.err, ran.said
    assert "or could not start it" in site.marker(name)["reason"]
    site.pool.empty()


@pytest.fixture
def described(commands, condor, tmp_path):
    """Return what condor_submit makes of the submit description for an image, without submitting it."""
    site = CondorSite(commands, condor)
    site.write(1)
    dry = site.folder / "programs/condor_submit"
    last = 'for last; do :; done\nsed -i "s|^queue.*|queue|" "$last"'
    dry.write_text(f'#!/bin/sh\n{last}\n{condor.tools}/condor_submit -dry-run ads "$last" >&2\nexit 1\n')
    dry.chmod(0o755)

    def describe(image, output="", **variables):
        if output:
            site.write_rows([site.row(0, output=output)])
        ran = site.submit(f"--image={image}", **variables)
        assert ran.status == 1, ran.said
        path = site.folder / "ads"
        lines = path.read_text().splitlines() if path.exists() else []
        return dict(line.split("=", 1) for line in lines if "=" in line), ran

    return describe


@pytest.mark.parametrize("output", ["", "s3://out"])
@pytest.mark.parametrize(
    ("image", "asked", "needed", "is_file"),
    [
        ("calcloud:1.0", "docker://calcloud:1.0", "HasDockerURL", False),
        ("docker://a.org/calcloud:1.0", "docker://a.org/calcloud:1.0", "HasDockerURL", False),
        ("images/x.sif", "{folder}/images/x.sif", "HasSIF", True),
        ("/shared/x.sif", "/shared/x.sif", "HasSIF", True),
        ("images", "{folder}/images", "HasSandboxImage", True),
    ],
)
def test_what_condor_submit_takes_an_image_for(described, s3, tmp_path, output, image, asked, needed, is_file):
    s3.make_bucket("out")
    (tmp_path / "images").mkdir()
    (tmp_path / "images/x.sif").touch()
    ad, ran = described(image, output, **s3.variables)
    assert ad, ran.said
    assert ad["ContainerImage"] == f'"{asked.format(folder=tmp_path)}"'
    assert ad["WantContainer"] == "true"
    assert f"TARGET.{needed}" in ad["Requirements"]
    assert ad["Cmd"] == '"/usr/bin/env"'
    # it is read where it is, whether or not HTCondor brings other files
    assert "TransferInput" not in ad
    assert ad.get("TransferContainer") == ("false" if is_file else None)


@pytest.mark.parametrize("name", ["no/such.sif", "./nothing"])
def test_an_image_that_is_not_there(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="there is no such file or folder"):
        image_of(name)
