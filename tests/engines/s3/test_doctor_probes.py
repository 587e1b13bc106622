"""``hstdputils doctor`` asks buckets for what not every server does."""

import os

import pytest
import yaml

from hstdputils.records.batch import Batch, Pins
from hstdputils.store.registry import open_store
from tests.engines.doctor.running import doctor, lines
from tests.stand_ins.programs.calcos import write_calcos

pytestmark = pytest.mark.engine("CRDS", "S3 (moto)")


@pytest.fixture
def sound(commands, made_up):
    """Return commands in a folder whose set-up is in order for COS."""
    write_calcos(commands.folder / "bin")
    commands.variables["PATH"] = f"{commands.folder / 'bin'}{os.pathsep}{commands.environment()['PATH']}"
    (commands.folder / "config").mkdir()
    config = {"ids": "my.ids", "batch": "night-1", "inputs": str(made_up.inputs)}
    (commands.folder / "config/config.yaml").write_text(yaml.safe_dump(config))
    return commands


def test_a_store_without_conditional_writes(sound, s3, careless, reached):
    careless.faults.ignores_conditions = True
    uri = s3.make_bucket("doctor-careless")
    call = ("--instrument", "cos", "--config", f"store={uri}")
    ran = doctor(sound, *call, **reached)
    assert ran.status == 0, ran.said
    status, text = lines(ran)["store"]
    assert status == "warn"
    assert "nothing can be submitted; make sure that only one run at a time works" in text
    assert s3.keys("doctor-careless") == {}
    ran = doctor(sound, *call, "engine=htcondor", **reached)
    assert ran.status in (1, 25), ran.said  # 1 where HTCondor's commands are not there either
    assert lines(ran)["store"][0] == "FAIL"


def test_what_it_finds_is_recorded_with_a_batch_that_is_there(sound, s3, reached):
    store = open_store(s3.make_bucket("doctor-careless"))
    Batch(store, "night-1").pin(Pins("hst_9001.pmap", {}))
    ran = doctor(sound, "--instrument", "cos", "--config", f"store={store.uri}", **reached)
    assert ran.status == 0, ran.said
    assert Batch(store, "night-1").record().conditional_writes is True


def test_a_store_that_keeps_something_else(sound, s3, careless, reached_over_tls):
    careless.faults.keeps_framing = True
    uri = s3.make_bucket("doctor-careless")
    ran = doctor(sound, "--instrument", "cos", "--config", f"store={uri}", **reached_over_tls)
    assert ran.status == 25, ran.said
    assert "AWS_REQUEST_CHECKSUM_CALCULATION=when_required" in lines(ran)["store"][1]
    assert s3.keys("doctor-careless") == {}
