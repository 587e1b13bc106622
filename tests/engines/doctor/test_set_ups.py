"""``hstdputils doctor`` as a user runs it: what it says of sound and broken set-ups."""

import json
from pathlib import Path

import pytest
import yaml

from tests.engines.doctor.running import NOWHERE, contents, doctor, lines

pytestmark = pytest.mark.engine("CRDS")


def test_a_sound_set_up_is_told_and_left_as_it_is(sound, made_up):
    before, crds = contents(sound.folder), contents(made_up.crds)
    ran = sound.hstdputils("doctor", "--instrument", "cos")
    assert ran.status == 0, ran.said
    found = lines(ran)
    assert "FAIL" not in {status for status, _ in found.values()}
    assert found["calcos"][1].startswith("3.6.2, ")
    assert found["CRDS context"] == ("ok", "hst_9001.pmap, operational in the cache")
    assert found["store"] == ("ok", "results, can be made")
    assert ran.out.splitlines()[-1] == "A run would start for COS."
    assert ran.err == ""
    assert contents(sound.folder) == before
    assert contents(made_up.crds) == crds


def test_each_line_that_is_not_ok_has_a_mend(sound):
    ran = doctor(sound, "--config", "store=config/config.yaml", "inputs=no", CRDS_PATH="no")
    told = {subject: text for subject, (status, text) in lines(ran).items() if status != "ok"}
    assert {"store", "sources", "inputs", "CRDS cache"} & told.keys() == {"store", "inputs", "CRDS cache"}
    assert [text for text in told.values() if ": " not in text] == []


FAILURES = [
    ({"CRDS_PATH": "no"}, [], 27, "CRDS cache", "no does not exist: set CRDS_PATH, or use --profile laptop-remote"),
    ({"CRDS_PATH": "."}, [], 27, "CRDS cache", "is not a CRDS cache for HST (no config/hst/server_config): set"),
    ({"CRDS_OBSERVATORY": "jwst"}, [], 27, "CRDS", "CRDS_OBSERVATORY is 'jwst': set it to hst, or unset it"),
    (
        {"CRDS_CONTEXT": "latest"},
        [],
        27,
        "CRDS context",
        "'latest' is not a CRDS context: give one like hst_0729.pmap",
    ),
    ({"CRDS_S3_ENABLED": "1"}, [], 27, "references", "CRDS_CONFIG_URI is not set, which CRDS needs to work from S3"),
    ({}, ["crds_context=hst_0001.pmap"], 27, "CRDS context", "hst_9003.pmap: name one of these, or sync the cache"),
    ({}, ["inputs=no"], 21, "inputs", "the input folder no is not there: correct"),
    ({}, ["inputs=ftp://x"], 2, "inputs", "'ftp://x' is not a source of inputs: give a folder"),
    ({}, ["inputs=s3://no"], 26, "inputs", "cannot list s3://no: no AWS credentials: set AWS_PROFILE"),
    ({}, ["store=my.ids"], 25, "store", "(my.ids: File exists): give a folder, not a file"),
    ({}, ["store=s3://no"], 25, "store", "cannot reach s3://no: no AWS credentials: set AWS_PROFILE"),
    ({"AWS_PROFILE": "me"}, ["store=s3://no"], 25, "AWS", "has no profile 'me': set AWS_PROFILE to one that is"),
    (
        {},
        ["work=my.ids/w"],
        25,
        "work folder",
        "my.ids/w (Not a directory): set work in the configuration to another",
    ),
    ({}, ["programs={calcos: /no}"], 23, "calcos", "COS: '/no', which is named as the program calcos, is not there"),
]


@pytest.mark.parametrize(("variables", "entries", "status", "subject", "said"), FAILURES)
def test_what_is_broken_is_named_with_its_mend(sound, variables, entries, status, subject, said):
    (sound.folder / "my.ids").write_text("ldem01acq\n")
    before = contents(sound.folder)
    arguments = ["--config", *entries] if entries else []
    ran = doctor(sound, "--instrument", "cos", *arguments, **variables)
    found = lines(ran)
    assert found[subject][0] == "FAIL", ran.said
    assert said in found[subject][1]
    assert ran.status == status, ran.said
    assert subject in ran.out.splitlines()[-1]
    assert contents(sound.folder) == before


def test_a_wrong_switch_of_drizzlepac_is_told_where_images_are_aligned(sound):
    entries = ("--config", "programs={calacs.e: sh -c true, runastrodriz: sh -c true}")
    ran = doctor(sound, "--instrument", "acs", *entries, ASTROMETRY_APPLY_APRIORI="maybe")
    assert ran.status == 2, ran.said
    assert lines(ran)["astrometry"] == ("FAIL", "ASTROMETRY_APPLY_APRIORI is 'maybe': set it to on or off")
    assert doctor(sound, "--instrument", "cos", ASTROMETRY_APPLY_APRIORI="maybe").status == 0


def test_several_failures_end_with_1(sound):
    ran = sound.hstdputils("doctor", "--instrument", "cos", "--config", "inputs=no", CRDS_PATH="no")
    assert ran.status == 1
    assert "fix CRDS cache and inputs" in ran.out.splitlines()[-1]


def test_a_missing_program_stops_only_a_run_that_needs_it(sound):
    entries = ("--config", "programs={calacs.e: /no/calacs.e}")
    ran = doctor(sound, *entries)
    assert ran.status == 0, ran.said
    assert lines(ran)["calacs.e"][0] == "warn"
    assert ran.out.splitlines()[-1].startswith("A run would start for COS")
    assert "ACS" in ran.out.splitlines()[-1].partition("; ")[2]
    assert doctor(sound, "ldem01acq", *entries).status == 0
    ran = doctor(sound, "j8cb010b0", "ldem01acq", *entries)
    assert ran.status == 23
    assert lines(ran)["calacs.e"][0] == "FAIL"


def test_no_program_at_all_stops_every_run(sound):
    names = ["calcos", "calacs.e", "calwf3.e", "cs0.e", "runastrodriz", "runsinglehap", "runmultihap"]
    programs = {"programs": {name: f"/no/{name}" for name in names}}
    (sound.folder / "programs.yaml").write_text(yaml.safe_dump(programs))
    ran = doctor(sound, "--configfile", "programs.yaml")
    assert ran.status == 23, ran.said
    assert all(lines(ran)[name][0] == "FAIL" for name in names)


def test_a_batch_begun_with_another_context_is_told_beforehand(sound):
    batch = sound.folder / "results/night-1"
    batch.mkdir(parents=True)
    (batch / "batch.json").write_text(json.dumps({"crds_context": "hst_9002.pmap", "programs": {}}))
    call = ("--instrument", "cos", "--config", "crds_context=hst_9001.pmap")
    ran = doctor(sound, *call)
    assert ran.status == 2, ran.said
    assert "was made with CRDS context hst_9002.pmap, not hst_9001.pmap: choose" in lines(ran)["store"][1]
    assert doctor(sound, *call, "force=True").status == 0


def test_json_says_all_of_it(sound):
    ran = sound.hstdputils("doctor", "--instrument", "cos", "--config", "inputs=mast:", "--json")
    said = json.loads(ran.out)
    assert (ran.status, said["exit_code"], said["would_start"], said["ready"]["cos"]) == (22, 22, False, True)
    (failed,) = [finding for finding in said["findings"] if finding["status"] == "FAIL"]
    assert (failed["subject"], failed["exit_code"]) == ("inputs", 22)
    assert failed["text"].endswith(f"MAST ({NOWHERE}) does not answer (Connection refused): check the network")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--profile", "onsit"], "there is no profile 'onsit', and no folder profiles/: go to the project's folder"),
        (["--config", "store"], "'store' after --config is not KEY=VALUE: write KEY=VALUE, and ids before --config"),
        (["--config", "storex=x"], "unknown key 'storex'; did you mean 'store'?"),
        (["--config", "batch=a/b"], "'a/b' is not a valid batch name"),
        (["--configfile", "no.yaml"], "cannot read no.yaml (No such file or directory): correct its name"),
        (["--config", "ids=no.ids"], "cannot read the id list no.ids (No such file or directory)"),
        (["@no.ids"], "cannot read the id list no.ids (No such file or directory)"),
        (["--instrument", "nicmos"], "invalid choice: 'nicmos'"),
        (["hello"], "1 of the ids cannot be processed ('hello')"),
    ],
)
def test_what_cannot_be_checked_at_all_is_one_line(sound, arguments, said):
    ran = doctor(sound, *arguments)
    assert ran.status == 2
    assert said in ran.err
    assert len(ran.err.splitlines()) == 1
    assert ran.out == ""


def test_memory_below_a_dataset_s_is_told(sound):
    """In a control group of 1 GiB, where one can be made."""
    group = Path("/sys/fs/cgroup/memory/hstdputils-doctor")
    limit = group / "memory.limit_in_bytes"
    if not group.parent.is_dir():
        group = Path("/sys/fs/cgroup/hstdputils-doctor")
        limit = group / "memory.max"
    try:
        group.mkdir()
        limit.write_text(str(2**30))
    except OSError as error:
        pytest.skip(f"no control group with a memory limit can be made here: {error}")
    try:
        ran = sound.run("sh", "-c", f"echo $$ > {group}/cgroup.procs && exec hstdputils doctor --instrument cos")
    finally:
        group.rmdir()
    assert ran.status == 0, ran.said
    status, text = lines(ran)["memory"]
    assert status == "warn"
    assert text.startswith("1.0 GiB (limit of the control group), less than the ")
    assert "that the plan gives the largest dataset" in text


def test_a_work_folder_that_is_too_deep_for_hstcal(sound):
    ran = doctor(sound, "--instrument", "stis", "--config", f"work={'deep/' * 195}")
    assert lines(ran)["work folder"][0] == "FAIL"
    assert "cs0.e cannot run in " in lines(ran)["work folder"][1]
    ran = doctor(sound, "--instrument", "cos", "--config", f"work={'deep/' * 195}")
    assert lines(ran)["work folder"][0] in ("ok", "warn")
    assert "cannot run" not in lines(ran)["work folder"][1]
