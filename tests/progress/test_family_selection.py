"""Datasets that an operator selects by the family of their failure."""

import json
from pathlib import Path

import pytest

from hstdputils.__main__ import command_module
from hstdputils.core import command_line
from hstdputils.core.config import Config
from hstdputils.core.outcomes import Outcome
from hstdputils.core.run_config import save_run_config
from hstdputils.records.batch import Batch
from hstdputils.records.families import issues_of_run, known_issues
from hstdputils.store.folder import FolderStore
from tests.report.test_report import BATCH, made_up

REASONS = {
    "j8bt05njq": (
        Outcome.CALIBRATION_ERROR,
        "calacs.e ended with status 2: BIASFILE `jref$a.fits' not found or can't open.",
    ),
    "j8bt06o6q": (
        Outcome.NO_REFERENCES,
        "missing in the CRDS cache /crds: a.fits: sync the cache with hst_0001.pmap",
    ),
    "ldem01f1q": (Outcome.CALIBRATION_ERROR, "calcos ended with status 1: TypeError: 3 of /x"),
}


@pytest.fixture(autouse=True)
def _forget():
    """Let known issues be read anew."""
    known_issues.cache_clear()
    issues_of_run.cache_clear()


@pytest.fixture
def store(tmp_path, monkeypatch):
    """Return a store with three failures and a success, whose older markers have no family."""
    monkeypatch.chdir(tmp_path)
    store = FolderStore("results")
    markers = Batch(store, BATCH).markers
    markers.write(made_up("ldem01acq"))
    for name, (outcome, reason) in REASONS.items():
        markers.write(made_up(name, outcome, exit_code=int(outcome.exit_code), reason=reason))
    return store


def run(capsys, command, *words):
    status = command_line.run(command_module(command).main, [*map(str, words)])
    done = capsys.readouterr()
    return status, done.out, done.err


def test_status_lists_a_family_with_what_to_do(store, capsys):
    status, out, _ = run(capsys, "status", f"results/{BATCH}", "--family", "reference_*")
    assert status == 0
    assert "reference_missing: 2 datasets, a reference file cannot be found or opened" in out
    assert "Run the batch again as before" in out
    assert "hstdputils rescue" not in out
    assert "j8bt05njq  calibration_error" in out
    assert "j8bt06o6q  no_references" in out
    assert "ldem01f1q" not in out


def test_a_family_that_no_issue_names(store, capsys):
    _, out, _ = run(capsys, "status", f"results/{BATCH}", "--family", "calibration_error.*")
    assert "calibration_error.calcos-ended-with-status-n-typeerror-n-of-path: 1 dataset," in out
    assert "j8bt05njq" not in out


def test_families_and_other_options_narrow_one_another(store, capsys):
    _, out, _ = run(
        capsys, "status", f"results/{BATCH}", "--family", "*", "--instrument", "acs", "--outcome", "no_references"
    )
    assert "j8bt06o6q" in out
    assert "j8bt05njq" not in out
    assert "ldem01acq" not in out


def test_known_issues_of_the_site(store, capsys):
    issue = {"name": "ours", "title": "a mistake of ours", "advice": "Wait.", "patterns": ["TypeError: * of"]}
    Path("ours.yaml").write_text(json.dumps([issue]))
    _, out, _ = run(capsys, "status", f"results/{BATCH}", "--family", "ours", "--known-issues", "ours.yaml")
    assert "ours: 1 dataset, a mistake of ours" in out
    assert "ldem01f1q" in out
    status, _, err = run(capsys, "status", f"results/{BATCH}", "--family", "ours", "--known-issues", "none.yaml")
    assert (status, len(err.splitlines())) == (2, 1)


def test_known_issues_of_the_last_run(store, capsys):
    issue = {"name": "ours", "title": "a mistake of ours", "advice": "Wait.", "patterns": ["TypeError: * of"]}
    Path("ours.yaml").write_text(json.dumps([issue]))
    save_run_config(Config(ids=["my.ids"], batch=BATCH, known_issues=["ours.yaml"]))
    _, out, _ = run(capsys, "status", f"results/{BATCH}")
    assert "ours: 1 dataset, a mistake of ours" in out
    Path("ours.yaml").unlink()
    known_issues.cache_clear()
    issues_of_run.cache_clear()
    status, out, _ = run(capsys, "status", f"results/{BATCH}")
    assert (status, "a mistake of ours" in out, "ldem01f1q" in out) == (0, False, False)


def test_clean_takes_a_family(store, capsys):
    status, _, _ = run(capsys, "clean", f"results/{BATCH}", "--family", "reference_missing", "--yes")
    assert status == 0
    assert set(Batch(store, BATCH).markers.listed()) == {"ldem01acq", "ldem01f1q"}


def test_what_has_not_ended_has_no_family(store, capsys):
    status, _, err = run(capsys, "cancel", f"results/{BATCH}", "--family", "x")
    assert status == 2
    assert "unrecognized arguments: --family" in err
