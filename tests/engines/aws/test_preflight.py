"""Pre-flight of the profile aws-batch, and doctor with it: what jobs need there, and nothing of this machine."""

import pytest

from tests.conftest import Commands
from tests.engines.doctor.running import lines
from tests.stand_ins.aws_batch.site import Site

pytestmark = pytest.mark.engine("Snakemake", "AWS Batch (stand-in)", "S3 (moto)")


@pytest.fixture
def site(project, s3, batch, public_bucket):
    """Return a site whose machine has neither programs nor a CRDS cache."""
    project.set_ids("ldem01acq")
    return Site(Commands(project.folder, PATH="/usr/bin:/bin", CRDS_PATH="/no/cache"), s3, batch)


GIVEN = ["--profile", "aws-batch", "--config", "ids=my.ids", "batch=night-1", "store=s3://out"]


@pytest.mark.parametrize(
    ("key", "subject"),
    [("aws_batch_queue", "queue"), ("aws_batch_job_definition", "job definition")],
)
def test_what_is_not_there_stops_the_batch_in_one_line(site, key, subject):
    ran = site.commands.run_warm("snakemake", *GIVEN, f"{key}=no-such")
    assert ran.status == 1
    (line,) = (line for line in ran.said.splitlines() if "error: " in line)
    assert line.startswith(f"error: {subject}: ")
    assert "no-such" in line
    assert "rule " not in ran.said
    assert site.batch.submissions() == []
    told = site.commands.hstdputils("doctor", *GIVEN, f"{key}=no-such")
    assert told.status != 0
    assert lines(told)[subject][0] == "FAIL"


def test_a_good_set_up_needs_nothing_of_this_machine(site):
    ran = site.commands.hstdputils("doctor", *GIVEN)
    assert ran.status == 0, ran.said
    found = lines(ran)
    assert {"queue", "job definition", "store", "inputs", "AWS"} <= found.keys()
    assert not {"calcos", "CRDS cache", "work folder", "memory"} & found.keys()
