"""When a batch ran, and what kept it from being quicker; the timeline of its attempts; failures by family."""

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest

from hstdputils.core.outcomes import Outcome
from hstdputils.core.text import iso_time
from hstdputils.engines.submissions import Submission
from hstdputils.records.batch import Batch
from hstdputils.report.collect import collect
from hstdputils.report.rows import ReportAttempt, ReportRow
from hstdputils.report.time_axis import TimeAxis
from hstdputils.report.timeline import MOST_BANDS, MOST_BARS, timeline
from hstdputils.report.timing import run_time
from hstdputils.store.folder import FolderStore
from tests.report.test_report import BATCH, made_up, page, run, save, total

START = 1_772_442_000.0
"""2026-03-02 09:00 UTC."""


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return FolderStore("results")


def dataset(name, *spans, state="succeeded", memory_mib=1024, host="node1", **values):
    """Return a dataset whose attempts ran in these spans, s since the start; all but the last ran out of memory."""
    attempts = [
        ReportAttempt(
            state if number == len(spans) else "out_of_memory",
            *(memory_mib, 500, end - begin, START + begin, START + end, host if number == len(spans) else ""),
        )
        for number, (begin, end) in enumerate(spans, start=1)
    ]
    last = spans[-1][1] - spans[-1][0]
    usual = {"attempt": len(spans), "wall_seconds": last, "cpu_seconds": 0.9 * last}
    return ReportRow(name, "acs", state, attempts=tuple(attempts), **(usual | values))


def queue(n, slots, seconds=100.0, **values):
    """Return datasets of the same length that run on so many slots, one after the other."""
    spans = ((seconds * (k // slots), seconds * (k // slots) + seconds) for k in range(n))
    return [dataset(f"j{k:07d}q", span, **values) for k, span in enumerate(spans)]


def test_start_end_and_throughput():
    time = run_time(
        [dataset("a", (0, 600)), dataset("b", (300, 1200), state="timeout"), ReportRow("c", "acs", "pending")]
    )
    assert (time.start, time.end) == (START, START + 1200)
    assert (time.elapsed_seconds, time.active_seconds, time.idle_seconds) == (1200, 1200, 0)
    assert time.succeeded_per_hour == pytest.approx(3.0)
    assert (time.jobs_at_once, time.cores_at_once, time.memory_mib_at_once) == (2, 2, 2048)
    assert time.mean_jobs == pytest.approx(1500 / 1200)
    assert time.cpu_share == pytest.approx(0.9)


def test_pauses_do_not_count_as_running():
    time = run_time([dataset("a", (0, 100)), dataset("b", (5000, 5100))])
    assert (time.active_seconds, time.idle_seconds) == (200, 4900)
    assert time.succeeded_per_hour == pytest.approx(36.0)
    assert time.bounded_by == "waiting"
    assert time.bound_text.startswith("Waiting: nothing ran for 1:21:40 of 1:25:00.")


def test_all_attempts_count_with_their_cores_and_memory():
    rows = [dataset("a", (0, 100), (100, 300), vcpus=4, memory_mib=2048), dataset("b", (0, 300), vcpus=2)]
    time = run_time(rows)
    assert (time.attempts, time.cores_at_once, time.memory_mib_at_once) == (3, 6, 3072)


def test_what_bounded_a_batch():
    assert run_time(queue(80, 8)).bounded_by == "cores"
    assert run_time([dataset("a", (0, 1000)), dataset("b", (0, 100))]).bounded_by == "longest"
    late = [dataset("l", (500, 1400)), dataset("m", (500, 1350))]
    assert run_time([*queue(40, 8), *late]).bounded_by == "tail"
    # the memory stays given out, while the number of jobs changes
    few = [dataset(f"f{k}", (2000 * k, 2000 * k + 1000), memory_mib=16_384) for k in range(10)]
    many = [dataset(f"m{k}", (2000 * (k // 16) + 1000, 2000 * (k // 16) + 1600)) for k in range(160)]
    assert run_time([*few, *many]).bounded_by == "memory"
    growing = [dataset(f"g{k}", (100 * (k // 10), 100 * (k // 10) + 10 * (k % 10) + 5)) for k in range(100)]
    assert run_time(growing).bounded_by == "starts"


def test_programs_that_wait_are_named():
    rows = queue(80, 8)
    idle = [dataset(row.ipppssoot, (0, 100), cpu_seconds=20.0) for row in rows]
    assert "Programs used 20% of their cores' time" in run_time(idle).bound_text


def test_the_wait_from_submission_to_the_first_attempt():
    rows = [dataset("a", (60, 100), (200, 300)), dataset("b", (120, 200)), dataset("c", (240, 250))]
    assert run_time(rows, START).median_wait_seconds == 120
    assert run_time(rows).median_wait_seconds is None


@pytest.mark.parametrize("times", [("", ""), ("yesterday", "today"), ("2026-03-14T10:12:07", "2026-03-14T10:15:08")])
def test_a_batch_that_does_not_say_when_it_ran_has_no_time(store, times):
    save(store, made_up("ldem01acq", start=times[0], end=times[1]))
    text = page()
    assert '<h2 id="time">' not in text
    assert run("--no-html", "--json=report.json") == 0
    assert json.loads(Path("report.json").read_text())["time"] is None


def test_an_end_before_its_start_is_passed_over(store):
    save(store, made_up("ldem01acq", start="2026-03-14T11:00:00Z", end="2026-03-14T10:00:00Z"), made_up("ldem01bdq"))
    assert collect(Batch(store, BATCH), {}).time.attempts == 1


def test_time_is_on_all_that_a_report_writes(store, capsys):
    store.put_bytes(
        Submission(1, "t", "q", "d", [], created="2026-03-14T09:00:00+00:00").to_json(),
        f"{BATCH}/jobs/0001/wave.json",
    )
    early = {"outcome": "timeout", "memory_mib": 1024, "wall_seconds": 60.0, "end": "2026-03-14T09:10:00+00:00"}
    save(store, made_up("ldem01acq", earlier=[early]), made_up("ldem01bdq", host="node08"))
    text = page("--json=report.json", "--csv=report.csv")
    out = capsys.readouterr().out
    assert total(out, "elapsed") == "0:06:09"
    assert "ran from 2026-03-14 09:09:00 to 2026-03-14 09:15:08 UTC; bounded by:" in out
    assert "<dt>began</dt><dd>2026-03-14 09:09:00 UTC</dd>" in text
    assert re.search(r"<dt>throughput</dt><dd>\d+\.\d datasets an hour", text)
    assert "0:10:34 from the first submission" in text
    record = json.loads(Path("report.json").read_text())
    assert (record["time"]["start"], record["time"]["elapsed_seconds"]) == ("2026-03-14T09:09:00.000+00:00", 368.52)
    assert [one["start"] for one in record["datasets"][0]["tries"]] == [
        "2026-03-14T09:09:00.000+00:00",
        "2026-03-14T09:12:07.120+00:00",
    ]
    assert record["planned_used"]["memory"]["datasets"] == 2
    assert Path("report.csv").read_text().splitlines()[0].endswith("notes,family,expected_seconds,vcpus")


def places(svg):
    """Return place and width of each bar, percent, by dataset."""
    found = re.findall(
        r'<rect class="(\w+)" x="([\d.]+)%" y="(\d+)" width="([\d.]+)%" height="\d+"><title>(\w+)', svg
    )
    return {name: (kind, float(x), int(y), float(wide)) for kind, x, y, wide, name in found}


def test_bars_are_where_their_attempts_were():
    rows = [dataset("a", (0, 50)), dataset("b", (0, 25)), dataset("c", (50, 100), state="timeout")]
    found = timeline(rows)
    bars = places(found.lanes)
    assert bars["a"][:2] == ("succeeded", 0.0)
    assert bars["a"][3] == pytest.approx(50)
    assert bars["b"][3] == pytest.approx(25)
    assert bars["c"][0] == "retry"
    assert bars["c"][1] == pytest.approx(50)
    assert bars["a"][2] != bars["b"][2]
    assert (found.names, found.what, found.is_bands) == (["job 1", "job 2"], "job", False)
    assert list(found.legend) == ["succeeded", "retry"]


def test_hosts_have_their_own_lanes():
    rows = [
        dataset("a", (0, 50)),
        dataset("b", (60, 90), host="node2"),
        dataset("c", (0, 50)),
        dataset("d", (60, 99)),
    ]
    found = timeline(rows)
    assert (found.names, found.what) == (["node1", "", "node2"], "host")
    bars = places(found.lanes)
    assert bars["b"][2] > max(bars[name][2] for name in "acd")


@pytest.mark.parametrize("n", [3, 700])
def test_hosts_and_datasets_of_others_are_escaped(n):
    evil = '</svg><script>alert(1)</script>"'
    found = timeline([dataset(evil, (k, k + 1), host=f"{evil}{k % 2}", state=evil) for k in range(n)])
    assert "<script" not in found.lanes + found.load
    assert any(evil in name for name in found.names)  # which the template escapes


def test_hosts_of_others_are_escaped_on_the_page(store):
    evil = '</svg><script>alert(1)</script>"'
    save(store, made_up("ldem01acq", host=evil), made_up("ldem01bdq", host=f"{evil}2"))
    text = page()
    assert text.count("<script") == 1
    assert "&lt;script&gt;alert(1)" in text


def test_many_attempts_are_bands_that_count_them_all():
    found = timeline(queue(20_000, 100))
    assert found.is_bands
    assert len(found.names) <= MOST_BANDS
    assert found.most_at_once == 100
    assert len(found.lanes) + len(found.load) < 60_000
    assert "<rect" not in found.lanes
    assert timeline(queue(MOST_BARS, 8)).is_bands is False


def test_bands_are_hosts_and_show_failures():
    rows = [
        row
        for host in range(200)
        for row in queue(20, 4, host=f"node{host:03d}", state=["succeeded", "timeout"][host == 7])
    ]
    found = timeline(rows)
    assert (len(found.names), found.what) == (25, "group of hosts")
    assert found.names[0] == "node000 – node007"
    assert found.legend == {"succeeded": "in use", "person": "by attempts that failed"}
    failed = re.search(r'class="person" opacity="[\d.]+" d="([^"]+)"', found.lanes)[1]
    assert re.findall(r"M\d+ (\d+)\.", failed) == ["0"]


def test_the_work_of_bands_is_that_of_the_attempts():
    from hstdputils.report.timeline import _BINS, Bar, _count

    rows = queue(1000, 10, seconds=7.3)
    bars = [Bar(0, row, row.attempts[0]) for row in rows]
    axis = TimeAxis([(START, START + 800.0)])
    (busy,), (failed,) = _count(bars, [0], 1, axis)
    assert sum(busy) * 800 / _BINS == pytest.approx(1000 * 7.3)
    assert sum(failed) == 0


def test_containers_with_names_of_their_own_are_not_hosts():
    found = timeline([dataset(f"j{k:07d}q", (k, k + 2), host=f"ip-{k}") for k in range(500)])
    assert (found.what, len(found.names)) == ("job", 2)


@pytest.mark.parametrize("days", [1, 30, 3000])
def test_a_pause_of_any_length_leaves_the_rest_readable(days):
    rows = [
        *queue(20, 4),
        *(dataset(f"l{k}", (86_400 * days + 100 * k, 86_400 * days + 100 * k + 100)) for k in range(5)),
    ]
    found = timeline(rows)
    assert found.has_pauses
    assert found.lanes.count('class="cut"') == 1
    assert min(wide for _, _, _, wide in places(found.lanes).values()) > 5


@pytest.mark.parametrize("seconds", [0.001, 1, 59, 240, 3000, 7200, 50_000, 86_400, 700_000, 4e7, 4e9])
def test_ticks_are_few_and_apart(seconds):
    for start in (START, START + 0.3 * seconds):
        ticks = TimeAxis([(start, start + seconds)]).ticks()
        assert len(ticks) <= 7
        at = [place for place, _ in ticks]
        assert all(b - a > 0.1 for a, b in pairwise(at))
        assert all(0 <= place <= 1 for place in at)
        assert len({words for _, words in ticks}) == len(ticks) or seconds > 1e9


def test_attempts_of_no_length_and_of_the_same_moment():
    found = timeline([dataset("a", (5, 5)), dataset("b", (5, 5))])
    assert len(places(found.lanes)) == 2
    assert "nan" not in found.lanes


def test_failures_are_in_families_with_what_to_do(store, capsys):
    for number in range(5):
        reason = f"j8cb0{number}0b0_raw.fits is truncated: {number} of 90 blocks"
        end = iso_time(START + number)
        save(store, made_up(f"jdem0{number}bdq", Outcome.BAD_INPUT, reason=reason, exit_code=21, end=end))
    save(store, made_up("ldem01bdq", Outcome.CALIBRATION_ERROR, reason="calcos: quite new", exit_code=23))
    text = page("--json=report.json", "--csv=report.csv")
    out = capsys.readouterr().out
    assert total(out, "input_truncated").split(maxsplit=2) == [
        "5",
        "jdem00bdq",
        "A raw file is truncated or cannot be read",
    ]
    first, second = json.loads(Path("report.json").read_text())["families"]
    assert (first["family"], first["n_datasets"], first["state"]) == ("input_truncated", 5, "bad_input")
    assert (first["first_seen"], first["last_seen"]) == ("2026-03-02T09:00:00+00:00", "2026-03-02T09:00:04+00:00")
    assert first["command"] == ""
    assert second["family"] == "calibration_error.calcos-quite-new"
    assert "input_truncated" in Path("report.csv").read_text()
    assert text.count('<section class="family ') == 2
    assert "A raw file is truncated or cannot be read" in text
    assert "Not a known issue: a calibration program failed" in text
    assert "<summary>4 more</summary>" in text


def test_families_of_a_submitted_batch_have_the_command_that_submits_them_again(store):
    store.put_bytes(Submission(1, "t", "q", "d", []).to_json(), f"{BATCH}/jobs/0001/wave.json")
    save(store, made_up("jdem01bdq", Outcome.BAD_INPUT, reason="x_raw.fits is truncated"))
    assert "<code>hstdputils rescue results/demo --family input_truncated</code>" in page()


def test_a_site_names_its_own_issues(store, capsys):
    Path("site.yaml").write_text(
        "- name: our_disk\n  title: <b>our disk</b> is full\n  advice: call Anna\n"
        "  patterns: [no space on /our/disk]\n"
    )
    save(store, made_up("jdem01bdq", Outcome.STORAGE_ERROR, reason="No space on /our/disk"))
    text = page("--known-issues=site.yaml")
    assert "&lt;b&gt;our disk&lt;/b&gt; is full" in text
    assert "Call Anna" in text
    assert run("--known-issues=missing.yaml") == 2
    assert "missing.yaml" in capsys.readouterr().err


def test_thousands_of_failures_are_few_cards(store):
    for number in range(400):
        save(store, made_up(f"j{number:07d}q", Outcome.BAD_INPUT, reason=f"{number}_raw.fits is truncated"))
    text = page()
    assert text.count('<section class="family ') == 1
    assert text.count("<li id=") == 39
    assert "<summary>39 more of 399</summary>" in text


@pytest.mark.parametrize("hours", ["0", "169", "-1", "two", "1.5", "²"])
def test_hours_of_signed_links_are_checked(store, capsys, hours):
    assert run(f"--presign={hours}") == 2
    assert "is not a number of hours from 1 to 168" in capsys.readouterr().err
