"""The failure family that an attempt records, with the issues that a site knows."""

import json

import pytest

from tests.conftest import Commands, MadeUp

DATASET = "ldem01acq"

ISSUES = """\
- name: our_drill
  title: a drill of ours
  patterns: ["hstdp_fault=*timeout"]
  advice: Nothing to do.
- name: our_log
  title: a line of the log
  log: ["nfs server * not responding"]
  advice: Nothing to do.
"""


def family_of(commands: Commands, made_up: MadeUp, fault: str, *options: str) -> str:
    inputs = f"--inputs={made_up.inputs}"
    ran = commands.hstdputils("process", "results", "b", inputs, *options, DATASET, HSTDP_FAULT=fault)
    assert ran.status, ran.said
    return json.loads((commands.folder / f"results/b/markers/failed/{DATASET}.json").read_text())["family"]


@pytest.mark.parametrize(
    ("fault", "family"), [("timeout", "our_drill"), ("bad_input", "fault_injected"), ("host_lost", "fault_injected")]
)
def test_issues_of_the_site_come_first(commands: Commands, made_up: MadeUp, fault: str, family: str):
    (commands.folder / "ours.yaml").write_text(ISSUES)
    assert family_of(commands, made_up, fault, "--known-issues=ours.yaml") == family
    assert family_of(commands, made_up, fault) == "fault_injected"


PROGRAM = """\
#!/bin/sh
[ "$1" = --version ] && echo 3.6.1 && exit
echo "kernel: NFS server 10.0.0.3 not responding"
echo "ERROR: xyzzy 42"
exit 7
"""


@pytest.mark.parametrize(
    ("options", "family"),
    [(["--known-issues=ours.yaml"], "our_log"), ([], "calibration_error.calcos-ended-with-status-n-error-xyzzy-n")],
)
def test_the_log_counts_where_the_reason_says_nothing(commands: Commands, made_up: MadeUp, options, family):
    (commands.folder / "ours.yaml").write_text(ISSUES)
    program = commands.folder / "calcos"
    program.write_text(PROGRAM)
    program.chmod(0o755)
    words = [f"--inputs={made_up.inputs}", f"--programs=calcos={program}", *options, DATASET]
    ran = commands.hstdputils("process", "results", "b", *words)
    assert ran.status == 23, ran.said
    marker = json.loads((commands.folder / f"results/b/markers/failed/{DATASET}.json").read_text())
    assert (marker["family"], "NFS" in marker["reason"]) == (family, False)


def test_a_wrong_file_is_an_error_before_anything_is_done(commands: Commands, made_up: MadeUp):
    (commands.folder / "ours.yaml").write_text("- name: Ours")
    ran = commands.hstdputils(
        "process", "results", "b", f"--inputs={made_up.inputs}", "--known-issues=ours.yaml", DATASET
    )
    assert ran.status == 2
    assert ran.err.startswith("error: ours.yaml is not a valid list of known issues (0.title: ")
    assert len(ran.err.splitlines()) == 1
    assert not list(commands.folder.glob("results/b/**/*.json"))
