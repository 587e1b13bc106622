"""The doctor's parts: profiles and configuration as Snakemake reads them, checks that hang, exit codes."""

import time

import pytest
from snakemake.cli import parse_config

from hstdputils.calibrate.recipe import recipe_for
from hstdputils.core.config import Config
from hstdputils.core.datasets import Dataset
from hstdputils.core.errors import ExitCode, StoreError, UserError
from hstdputils.core.findings import Finding, Status
from hstdputils.core.run_config import load_config
from hstdputils.doctor import software
from hstdputils.doctor.checked_setup import (
    EXAMPLES,
    CheckedSetup,
    config_values,
    find_profile,
    kind_of,
    names_of_kinds,
    read_setup,
)
from hstdputils.doctor.checks import run_checks, run_in_parallel
from hstdputils.doctor.command import _exit_code
from hstdputils.doctor.space import nearest_existing, unwritable, usable_cores, usable_memory

CONFIG = Config(ids=["none.ids"], batch="b")

ENTRIES = [
    "batch=night-1",
    "retries=3",
    "skip_bad=True",
    "force=False",
    "inputs=[a, s3://b/c]",
    "programs={calcos: /opt/calcos}",
    "crds_context=",
    "store=s3://bucket/with=sign",
    "batch=2024_01",
    "work=null",
    "max_memory_mib=1e4",
]


@pytest.mark.parametrize("entry", ENTRIES)
def test_entries_mean_what_they_mean_to_snakemake(entry):
    assert config_values([entry]) == parse_config([entry])


def test_later_entries_come_over_earlier_ones_and_mappings_are_merged():
    entries = ["programs={calcos: a, cs0.e: b}", "programs={calcos: c}", "batch=x", "batch=y"]
    assert config_values(entries) == {"programs": {"calcos": "c", "cs0.e": "b"}, "batch": "y"}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Return a folder with a profile and a configuration, which is the current one."""
    profile = tmp_path / "profiles" / "site"
    profile.mkdir(parents=True)
    (profile / "config.yaml").write_text("executor: slurm\nconfigfile: settings.yaml\n")
    (profile / "settings.yaml").write_text("store: of-profile\nretries: 5\n")
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.yaml").write_text("ids: all.ids\nbatch: example\nstore: of-project\nwork: w\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_profile_then_files_then_entries_come_over_the_projects_configuration(project):
    (project / "mine.json").write_text('{"store": "of-file"}')
    assert _read(project, None).config.store == "of-project"
    setup = _read(project, "profiles/site")
    assert (setup.config.store, setup.config.retries, setup.config.work) == ("of-profile", 5, "w")
    assert setup.profile.executor == "slurm"
    # a file on the command line takes the place of the profile's
    setup = _read(project, "profiles/site", files=["mine.json"])
    assert (setup.config.store, setup.config.retries) == ("of-file", 2)
    assert _read(project, "profiles/site", ["mine.json"], ["store=of-entry"]).config.store == "of-entry"


def test_a_profile_in_its_folder_alone_is_read_and_known_not_to_be_found(project):
    assert not find_profile("site").is_found
    (project / "site").symlink_to("profiles/site")
    assert find_profile("site").is_found
    assert find_profile("profiles/site/config.yaml").is_found


def test_an_unknown_profile_is_one_line_with_the_nearest_name(project, tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"no profile 'sit'; did you mean 'site'\? \(site are in profiles/\)"):
        find_profile("sit")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(UserError, match="no folder profiles/: go to the project's folder"):
        find_profile("site")


@pytest.mark.parametrize(
    ("text", "said"),
    [("a: b: c", "cannot be read .*: correct it"), ("- a", "not a mapping of keys to values: write key: value")],
)
def test_a_broken_profile_is_one_line(project, text, said):
    (project / "profiles" / "site" / "config.yaml").write_text(text)
    with pytest.raises(UserError, match=said) as error:
        find_profile("site")
    assert "\n" not in str(error.value)


def test_only_lists_that_the_user_names_say_what_is_needed(project):
    assert _read(project, "profiles/site").needed == []
    (project / "my.ids").write_text("ldfd01vlq\nj8cb010b0\n")
    assert _read(project, None, entries=["ids=my.ids"]).needed == ["acs", "cos"]
    assert _read(project, None, ids=["ldfd01vlq"], instruments=["stis"]).needed == ["cos", "stis"]


def _read(project, profile, files=(), entries=(), instruments=(), ids=()) -> CheckedSetup:
    return read_setup(profile, files, entries, instruments, ids)


def test_every_kind_has_a_recipe_and_a_name():
    assert {kind: kind_of(dataset) for kind, dataset in EXAMPLES.items()} == {kind: kind for kind in EXAMPLES}
    assert all(recipe_for(dataset).programs for dataset in EXAMPLES.values())
    assert names_of_kinds(["acs", "acs visits", "sky cells"]) == "ACS, ACS visits and sky cells"


def test_what_does_not_end_is_left_alone_and_told():
    start = time.monotonic()
    answers = run_in_parallel([lambda: 1, lambda: time.sleep(60), lambda: int("x")], 0.3)
    assert time.monotonic() - start < 5
    assert answers[0] == 1
    assert isinstance(answers[1], TimeoutError)
    assert isinstance(answers[2], ValueError)


def test_errors_of_checks_are_findings_with_their_codes():
    def check_inputs(setup):
        raise UserError("the folder x is not there: correct it", ExitCode.INPUTS)

    def check_store(setup):
        raise StoreError("cannot write x: free some space")

    def check_defect(setup):
        raise KeyError("y")

    def check_hanging(setup):
        time.sleep(60)

    setup = CheckedSetup(CONFIG)
    findings = run_checks([check_inputs, check_store, check_defect, check_hanging], setup, 0.5)
    assert [finding.status for finding in findings] == [Status.FAIL] * 4
    assert [finding.subject for finding in findings] == ["inputs", "store", "defect", "hanging"]
    assert [finding.exit_code for finding in findings] == [21, 25, 1, 1]
    assert "KeyError" in findings[2].text
    assert "no answer within" in findings[3].text


@pytest.mark.parametrize(("codes", "expected"), [([], 0), ([27], 27), ([25, 25], 25), ([25, 27], 1)])
def test_the_exit_status_says_what_failed_where_one_thing_did(codes, expected):
    failures = [Finding(Status.FAIL, "x", "y", ExitCode(code)) for code in codes]
    assert _exit_code([Finding(Status.WARN, "x", "y"), *failures]) == expected


def test_a_program_that_does_not_tell_its_version_counts_as_missing(tmp_path, monkeypatch):
    hanging = tmp_path / "calcos"
    hanging.write_text("#!/bin/sh\nexec sleep 60\n")
    hanging.chmod(0o755)
    monkeypatch.setattr(software, "VERSION_SECONDS", 0.5)
    setup = CheckedSetup(CONFIG.model_copy(update={"programs": {"calcos": str(hanging)}}), instruments=["cos"])
    findings = {finding.subject: finding for finding in software.check_programs(setup)}
    assert findings["calcos"].status is Status.FAIL
    assert "COS: " in findings["calcos"].text
    assert "--version does not end: fix the program calcos" in findings["calcos"].text
    assert "cos" not in software.kinds_with_programs(list(findings.values()))


def test_a_program_that_only_mosaics_need_does_not_stop_other_datasets(tmp_path):
    named = {"runsinglehap": "/nowhere/runsinglehap"}
    setup = CheckedSetup(CONFIG.model_copy(update={"programs": named}), datasets=[Dataset("acs_8ph_01")])
    (finding,) = [found for found in software.check_programs(setup) if found.subject == "runsinglehap"]
    assert (finding.status, finding.exit_code) == (Status.FAIL, ExitCode.STAGE1)
    setup = CheckedSetup(setup.config, datasets=[Dataset("ldfd01vlq")])
    (finding,) = [found for found in software.check_programs(setup) if found.subject == "runsinglehap"]
    assert finding.status is Status.WARN


def test_writing_is_tried_without_a_trace(tmp_path):
    folder = tmp_path / "a" / "b"
    assert nearest_existing(folder) == tmp_path
    assert unwritable(folder) is None
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    assert unwritable(tmp_path / "file") is not None


def test_cores_and_memory_of_this_machine_are_found():
    assert usable_cores() >= 1
    assert usable_memory()[0] > 2**28


@pytest.mark.parametrize(("entry", "sources"), [("inputs=mast:", ["mast:"]), ("inputs=[a, mast:]", ["a", "mast:"])])
def test_mast_after_config_is_no_mapping(entry, sources):
    assert load_config({"ids": "x", "batch": "b", **parse_config([entry])}).inputs == sources
