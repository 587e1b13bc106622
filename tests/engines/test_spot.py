"""A spot instance that AWS takes back, as the process in it sees that."""

import signal
import sys

import pytest

from tests.engines.honesty import marker_of
from tests.engines.interrupting import Running
from tests.stand_ins.aws.metadata_server import NOTICE, TOKEN, MetadataServer

DATASET = "ldem01acq"


@pytest.mark.parametrize(
    ("is_taken", "job", "outcome"),
    [(True, "5f1c", "host_lost"), (False, "5f1c", "cancelled"), (True, "", "cancelled")],
)
def test_stop_on_an_instance(with_stand_in, made_up, is_taken, job, outcome):
    with MetadataServer() as metadata:
        metadata.notice = {"action": "stop", "time": "2026-01-01T00:00:00Z"} if is_taken else None
        variables = {
            "AWS_BATCH_JOB_ID": job,
            "AWS_EC2_METADATA_DISABLED": "false",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata.url,
            "SVM_SECONDS": "30",
            "http_proxy": "http://127.0.0.1:9",
        }
        argv = (sys.executable, "-m", "hstdputils.process", "results", "b", f"--inputs={made_up.inputs}", DATASET)
        running = Running(with_stand_in, *argv, **variables)
        running.wait_for(lambda: any((with_stand_in.folder / "work").rglob("*_counts.fits")))
        assert running.interrupt(signal.SIGTERM) < 10
        assert running.end().status == 143
    marker = marker_of(with_stand_in.folder / "results", DATASET, "failed")
    assert (marker["outcome"], marker["exit_code"]) == (outcome, 143)
    expected = [f"PUT {TOKEN} 200", f"GET {NOTICE} {200 if is_taken else 404}"] if job else []
    assert metadata.asked == expected


def test_metadata_service_that_is_not_there(with_stand_in, made_up):
    variables = {
        "AWS_BATCH_JOB_ID": "5f1c",
        "AWS_EC2_METADATA_DISABLED": "false",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:9",
        "SVM_SECONDS": "30",
    }
    argv = (sys.executable, "-m", "hstdputils.process", "results", "b", f"--inputs={made_up.inputs}", DATASET)
    running = Running(with_stand_in, *argv, **variables)
    running.wait_for(lambda: any((with_stand_in.folder / "work").rglob("*_counts.fits")))
    assert running.interrupt(signal.SIGTERM) < 10
    assert marker_of(with_stand_in.folder / "results", DATASET, "failed")["outcome"] == "cancelled"
