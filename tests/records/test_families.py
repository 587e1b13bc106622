"""Failure families: what belongs together, what the table of known issues may hold, and how failures are grouped."""

import json
import time
from types import SimpleNamespace

import pytest

from hstdputils.core.errors import UserError
from hstdputils.core.outcomes import Outcome
from hstdputils.engines.aws_batch.causes import cause_of
from hstdputils.records.families import generated_name, group, is_chosen, known_issues, signature
from hstdputils.records.marker import Marker
from tests.calibrate.test_causes import RECORDED, why

RECORDED_FAMILIES = {
    "calacs_cut_input": "input_truncated",
    "calacs_no_ccdtab_row": "reference_row_missing",
    "calacs_no_imphttab_row": "reference_row_missing",
    "calacs_no_input": "input_missing",
    "calacs_no_member": "member_missing",
    "calacs_no_reference": "reference_missing",
    "calacs_no_satu": "reference_missing",
    "calacs_output_exists": "output_exists",
    "calacs_reference_na": "reference_undefined",
    "calacs_signal": "reference_missing",
    "calcos_exception": "output_exists",
    "calcos_no_row": "reference_row_missing",
    "calwf3_no_input": "input_missing",
    "calwf3_no_reference": "reference_missing",
    "calwf3_no_reference_named": "reference_not_assigned",
    "cs0_cut_input": "program_crashed",
    "cs0_no_reference": "reference_missing",
    "cs0_no_row": "reference_row_missing",
    "cs0_no_wavecal": "wavecal_missing",
    "cs0_output_exists": "output_exists",
    "runastrodriz_cut_input": "input_truncated",
    "runastrodriz_no_reference": "reference_missing",
    "runastrodriz_no_row": "reference_row_missing",
    "runsinglehap_no_input": "member_missing",
    "runsinglehap_no_keyword": "input_keyword_bad",
}
"""The family that names the cause in each recording. cs0.e prints nothing of a cut raw file before it crashes."""


def failed(name, reason, end="2026-11-28T10:00:00+00:00", outcome=Outcome.CALIBRATION_ERROR, family=""):
    return SimpleNamespace(ipppssoot=name, reason=reason, end=end, outcome=outcome, family=family)


@pytest.mark.parametrize("recording", sorted(path.stem for path in RECORDED.glob("*.txt")))
def test_what_real_programs_printed_is_in_the_family_of_its_cause(recording):
    *lines, last = (RECORDED / f"{recording}.txt").read_text().splitlines()
    outcome, reason = why(recording.partition("_")[0], int(last.removeprefix("exit status ")), lines)
    assert known_issues().family(outcome, reason) == RECORDED_FAMILIES[recording]


def test_failed_jobs_of_2020_fall_into_few_families(real_data):
    jobs = json.loads((real_data / "batch-2020/failed-jobs.json").read_text())["jobSummaryList"]
    causes = [cause_of(job) for job in jobs]
    rows = group(failed(f"l{number:08d}", cause.text, outcome=cause.outcome) for number, cause in enumerate(causes))
    assert sum(row.datasets for row in rows) == len(jobs) >= 150
    assert len(rows) <= 15
    assert all(known_issues().named(row.family) for row in rows)
    largest = {row.family: row.datasets for row in rows}
    assert largest["time_limit_job"] == sum("exceeded timeout" in str(job.get("statusReason")) for job in jobs)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "calcos ended with status 1: ValueError: /data/a/ldem01f1q_x1d.fits has 12 rows",
            "calcos ended with status 3: ValueError: /scratch/b/lbhx1epiq_x1d.fits has 1024 rows",
        ),
        ("cannot reach https://a.b.org/x?y=1 at 10:12:13", "cannot reach http://mast.stsci.edu at 23:59:59.123"),
        ("2026-11-28T10:00:00Z: host ip-10-0-1-2 lost", "2025-01-02 03:04:05+01:00: host ip-172-16-3-4 lost"),
        (
            "job 5f1c0a3e-4129-4620-842f-00e7d89e2cb6 on i-03b300644c50c2330",
            "job 000099a6-4129-4620-842f-00e7d89e2cb6 on i-0aaaaaaaaaaaaaaaa",
        ),
        ("no keyword in jref$a_b.fits[SCI,1] on node017", "no keyword in jref$q9e1206kj_bia.fits[SCI,2] on node002"),
        ("skycell-p1234x05y06 at 28-Nov-2026 is wrong by -1.5e-3", "skycell-p0001x11y12 at 1-Jan-2020 is wrong by 7"),
    ],
)
def test_ids_paths_numbers_dates_and_hosts_are_taken_out(one, other):
    assert signature(one) == signature(other)
    assert generated_name(Outcome.UNKNOWN, one) == generated_name(Outcome.UNKNOWN, other)


def test_names_of_families_can_be_typed_whatever_a_reason_says():
    name = generated_name(Outcome.UNKNOWN, "$(rm -rf ~) `x`; \x1b[31m — ü " + "word " * 500)
    assert name.startswith("unknown.")
    assert len(name) < 100
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789._-")
    assert generated_name(Outcome.TIMEOUT, "—") == "timeout"
    long = "x " * 200
    assert generated_name(Outcome.UNKNOWN, f"{long}a") != generated_name(Outcome.UNKNOWN, f"{long}b")


@pytest.mark.parametrize(
    ("outcome", "reason", "family"),
    [
        (
            Outcome.INCOMPLETE_PRODUCTS,
            "idem0112q_flt.fits is cut short (4000 bytes): see process.log",
            "product_empty",
        ),
        (Outcome.BAD_INPUT, "idem0112q_raw.fits is cut short (4000 bytes): fetch the file anew", "input_truncated"),
        (Outcome.BAD_INPUT, "neither a_input.out nor a.tar.gz in inputs: check the id", "input_missing"),
        (Outcome.BAD_INPUT, "x_rawtag.fits says INSTRUME = STIS, but x is a dataset of COS", "input_inconsistent"),
        (
            Outcome.STORAGE_ERROR,
            "stopped in the step save, after 9 s besides calibration; the store is slow",
            "store_slow",
        ),
        (Outcome.TIMEOUT, "stopped in the step previews, after 9 s besides calibration", "time_limit_overhead"),
        (Outcome.HOST_LOST, "stopped by SIGTERM, since AWS takes back the spot instance (stop)", "spot_reclaimed"),
        (Outcome.CANCELLED, "stopped by SIGINT", "cancelled_by_person"),
        (Outcome.UNKNOWN, "KeyError: 'x' (a defect: process.log has the trace)", "defect"),
        (Outcome.CALIBRATION_ERROR, "exit code 23: the calibration program failed", "exit_unexplained"),
        (Outcome.UNKNOWN, "exit code 137 (ended by signal 9); HTCondor gives no reason", "exit_unexplained"),
        (Outcome.CONTAINER_ERROR, "exit code 127: the command is not there", "program_missing"),
        (Outcome.OUT_OF_MEMORY, "exit code 33: the container's memory limit was reached", "memory_container_limit"),
        (
            Outcome.STORAGE_ERROR,
            "mast:HST/product/x_raw.fits came with 9 bytes, not 10: try again",
            "transfer_damaged",
        ),
        (Outcome.STORAGE_ERROR, "cannot log in at http://h: MAST answered 503 (Unavailable)", "mast_failed"),
        (Outcome.BAD_INPUT, "cannot read mast:HST/x.fits from http://h: it is not public: ask", "data_not_public"),
        (
            Outcome.STORAGE_ERROR,
            "CRDS under x.pmap: cannot read http://h: the server answered 503",
            "store_unreachable",
        ),
        (
            Outcome.NO_REFERENCES,
            "CRDS under x.pmap: the CRDS server http://h has no a_bpix.fits",
            "reference_missing",
        ),
        (Outcome.NO_REFERENCES, "http://h has no context 'hst_9999.pmap': check its name", "crds_cache_unusable"),
        (Outcome.NO_REFERENCES, "CRDS lists 23e16470l_gsag.fits as bad under hst_0613.pmap", "reference_bad"),
    ],
)
def test_what_hstdputils_itself_says(outcome, reason, family):
    assert known_issues().family(outcome, reason) == family


def test_failures_are_counted_by_family():
    rows = group(
        [
            failed("j8bt05njq", "BIASFILE `jref$a.fits' not found or can't open.", "2026-11-02T00:00:00+00:00"),
            failed("j8bt06o6q", "DARKFILE `jref$b.fits' not found or can't open.", "2026-11-03T00:00:00+00:00"),
            failed("ldem01tnq", "TypeError: 7 of /a/b", ""),
            failed("ldem01f1q", "", outcome=Outcome.SUCCEEDED),
        ],
        "s3://bucket/my batch",
    )
    first, second = rows
    assert (first.family, first.datasets, first.example) == ("reference_missing", 2, "j8bt06o6q")
    assert (first.first_seen, first.last_seen) == ("2026-11-02T00:00:00+00:00", "2026-11-03T00:00:00+00:00")
    assert first.command == "hstdputils rescue 's3://bucket/my batch' --family reference_missing"
    assert "hstdputils sync" in first.advice
    assert (second.family, second.datasets) == ("calibration_error.typeerror-n-of-path", 1)
    assert (second.first_seen, second.last_seen, second.example) == ("", "", "ldem01tnq")
    assert group([]) == []


def marker(reason, outcome=Outcome.CALIBRATION_ERROR, **more):
    return Marker.new(
        *("b", "j8bt05njq", outcome, outcome.exit_code, reason), earlier=None, plan_row=None, start=0, end=1, **more
    )


def test_markers_keep_their_family_and_older_ones_get_one():
    new = marker("output x.fits already exists")
    assert json.loads(new.to_json())["family"] == "output_exists"
    assert marker("fine", Outcome.SUCCEEDED).family == ""
    older = json.loads(new.to_json())
    del older["family"]
    read = Marker.from_json(json.dumps(older).encode())
    assert read.family == ""
    assert known_issues().family_of(read) == "output_exists"


@pytest.mark.parametrize("recorded", ["$(reboot)", "<b>", "x" * 500, "\x1b[31m"])
def test_a_recorded_family_that_is_not_a_name_does_not_count(recorded):
    assert known_issues().family_of(failed("j8bt05njq", "x already exists", family=recorded)) == "output_exists"


def test_a_family_is_chosen_by_name_or_pattern():
    assert is_chosen("reference_missing", ["reference_*"])
    assert is_chosen("reference_missing", ["output_exists", "reference_missing"])
    assert not is_chosen("reference_missing", ["reference"])
    assert not is_chosen("", ["*"])


SITE = """\
- name: our_disks
  title: the disks of our site
  advice: Call the operators.
  patterns: ["/SITE/*  went away"]
  log: ["kernel: I/O error*sda"]
- name: output_exists
  title: our own words
  advice: Our own advice.
  patterns: [already exists]
"""


def test_a_site_adds_issues_and_replaces_others(tmp_path):
    (tmp_path / "ours.yaml").write_text(SITE)
    ours = known_issues(str(tmp_path / "ours.yaml"))
    assert ours.family(Outcome.UNKNOWN, "disk /site/scratch3 went away") == "our_disks"
    assert ours.family(Outcome.UNKNOWN, "?", ["fine", "12:00 Kernel: I/O  error on sda"]) == "our_disks"
    assert known_issues().family(Outcome.UNKNOWN, "disk /site/scratch3 went away") == "unknown.disk-path-went-away"
    assert ours.named("output_exists").title == "our own words"
    recorded = failed("j8bt05njq", "/site/x went away", family="calibration_error.path-went-away")
    assert ours.family_of(recorded) == "our_disks"
    assert known_issues().family_of(recorded) == "calibration_error.path-went-away"


ISSUE = {"name": "ours", "title": "t", "advice": "a", "patterns": ["went away"]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "not a valid list"),
        ("a: b", "valid list"),
        ("- &a [x]\n- *a", "it has aliases"),
        ("[" * 200_000, "too many brackets"),
        ("\x00", "not a valid list"),
        (json.dumps([ISSUE | {"pattern": ["x"]}]), "0.pattern: "),
        (json.dumps([ISSUE | {"patterns": ["x" * 201]}]), "0.patterns.0: "),
        (json.dumps([ISSUE | {"patterns": ["abcd"] * 21}]), "0.patterns: "),
        (json.dumps([ISSUE | {"patterns": [{"crds": None}]}]), "0.patterns.0: Input should be a valid string"),
        (json.dumps([ISSUE | {"patterns": ["*  **"]}]), "fits almost everything"),
        (json.dumps([ISSUE | {"patterns": []}]), "neither patterns nor log"),
        (json.dumps([ISSUE | {"name": "Ours; rm"}]), "is not lower-case letters"),
        (json.dumps([ISSUE | {"outcomes": ["broken"]}]), "0.outcomes"),
        (json.dumps([ISSUE | {"title": "\x1b[31mred"}]), "cannot be printed"),
        (json.dumps([ISSUE, ISSUE]), "ours is there twice"),
        ("#" * 300_000, "larger than 256 KiB"),
    ],
)
def test_a_file_that_is_not_valid_is_one_line(tmp_path, text, message):
    path = tmp_path / "ours.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as error:
        known_issues(str(path))
    assert message in str(error.value)
    assert str(error.value).startswith(str(path))
    assert "docs/troubleshooting.md" in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_a_file_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(UserError, match=r"cannot read the known issues .*No such file"):
        known_issues(str(tmp_path / "none.yaml"))


def test_no_pattern_takes_long(tmp_path):
    path = tmp_path / "ours.yaml"
    path.write_text(json.dumps([ISSUE | {"name": f"n{n}", "patterns": ["a*" * 99 + "b"] * 20} for n in range(50)]))
    issues = known_issues(str(path))
    start = time.process_time()
    issues.family(Outcome.UNKNOWN, "a" * 100_000)
    for text in ("a-", "a.", "a-/.0", "1,2", "[a.fits", "http://", "aref$", "x" * 100, "0" * 100):
        signature(text * 100_000)
    assert time.process_time() - start < 0.5


def test_each_known_issue_says_what_to_do():
    for issue in known_issues().issues:
        assert issue.advice.endswith(".")
        assert issue.title[0].islower() or issue.title.split()[0] in ("AWS", "CRDS", "MAST")
