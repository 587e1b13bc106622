"""A dataset on a real HTCondor pool, processed into S3."""

import json
import os

import pytest

from tests.stand_ins.programs.snooping import assert_nothing_found, secrets, write_snooping_calcos

pytestmark = pytest.mark.engine("HTCondor", "S3 (moto)", "CRDS")


def test_datasets_are_processed_into_s3(with_stand_in, made_up, s3, condor):
    condor.empty()
    s3.make_bucket("out")
    commands = with_stand_in
    path = os.pathsep.join([commands.variables["PATH"], condor.variables["PATH"]])
    credentials = commands.folder / "credentials"
    credentials.write_text(s3.profile("default"))
    commands.variables |= {**condor.variables, "PATH": path, **s3.address}
    commands.variables |= {"AWS_SHARED_CREDENTIALS_FILE": str(credentials)}
    names = ["ldem01acq", "ldem01tnq"]
    plan = commands.hstdputils("plan", "s3://out", "b", *names).out
    (commands.folder / "plan.out").write_text(plan)
    ran = commands.hstdputils("submit", "plan.out", "--engine=htcondor", "--", f"--inputs={made_up.inputs}")
    assert "b: 2 rows submitted in 1 jobs\n" in ran.out, ran.said
    ran = commands.hstdputils("watch", "s3://out/b", "--every=1")
    assert ran.status == 0, ran.said
    for name, row in zip(names, plan.splitlines(), strict=True):
        answer = s3.client.get_object(Bucket="out", Key=f"b/markers/succeeded/{name}.json")
        marker = json.load(answer["Body"])
        assert marker["plan_row"] == json.loads(row)
        assert f"{marker['job']}#" in "".join(job["GlobalJobId"] for job in condor.history())
        assert f"{name}  save" in (commands.folder / f"logs/b/{name}.log").read_text()
    assert not (commands.folder / "work").exists(), "the work is done in the machine's scratch folder"


def test_a_program_finds_no_secret(commands, made_up, condor, tmp_path):
    condor.empty()
    write_snooping_calcos(tmp_path / "bin")
    path = os.pathsep.join([str(tmp_path / "bin"), commands.environment()["PATH"], condor.variables["PATH"]])
    commands.variables |= {**condor.variables, "PATH": path, **secrets()}
    (commands.folder / "plan.out").write_text(commands.hstdputils("plan", "store", "b", "ldem01acq").out)
    ran = commands.hstdputils(
        *("submit", "plan.out", "--engine=htcondor", "--env=SITE_SECRET", "--", f"--inputs={made_up.inputs}")
    )
    assert ran.status == 0, ran.said
    assert commands.hstdputils("watch", "store/b", "--every=1").status == 23
    assert_nothing_found((commands.folder / "store/b/ldem01acq/process.log").read_text())
