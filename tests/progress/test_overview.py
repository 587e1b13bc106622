"""How a batch is, in numbers and lists, and what the store has of it."""

import io
import json
import re

import pytest
from rich.console import Console

from hstdputils.core.outcomes import Outcome
from hstdputils.engines.states import Cause, RowState, State, WaitReason
from hstdputils.list import batches
from hstdputils.progress.batch_progress import Progress
from hstdputils.progress.dashboard import dashboard
from hstdputils.progress.overview import Observer
from hstdputils.progress.published import Publisher, page_html
from hstdputils.progress.run_progress import Pace
from hstdputils.records.batch import Batch
from hstdputils.records.plan_rows import PlanRow
from hstdputils.store.registry import open_store

BAD = "<script>alert(1)</script>\x1b[2J"


def row(name, cost=0.5, store="s3://out"):
    return PlanRow(store, "night", name, "cos", "hstdp-process", 1, 512, 5400, "instrument", 1, cost)


def state(name, kind=State.RUNNING, outcome=None, **more):
    cause = Cause(outcome, more.pop("reason", "no reason")) if outcome else None
    return RowState(row(name), kind, f"job-{name}", cause, **more)


@pytest.fixture
def batch(tmp_path):
    return Batch(open_store(str(tmp_path / "store")), "night")


@pytest.fixture
def progress():
    return Progress.of(
        ["ldem01010", "j8cb010b0"],
        [
            state("ldem01acq", State.FAILED, Outcome.CALIBRATION_ERROR, reason=BAD, stopped=1_000.0),
            state("ldem01tnq", State.FAILED, Outcome.TIMEOUT, stopped=2_000.0),
            state("ldem01pkq", started=100.0),
            state("ldem01omq", State.WAITING, why=f"MISCONFIGURATION: {BAD}", since=200.0),
        ],
    )


@pytest.fixture
def overview(batch, progress):
    plan = {name: row(name) for name in (*progress.succeeded, *progress.states)}
    reasons = [WaitReason(f"MISCONFIGURATION: {BAD}", 1, "job-ldem01omq", 200.0, "", "make the host larger")]
    return Observer(batch, plan).overview(progress, Pace(), 61.0, reasons)


def test_what_an_overview_has(overview):
    assert (overview.total, overview.ended, overview.is_over) == (6, 4, False)
    assert overview.instruments == {
        "acs": {"succeeded": 1, "failed": 0, "running": 0, "waiting": 0},
        "cos": {"succeeded": 1, "failed": 2, "running": 1, "waiting": 1},
    }
    assert [family.outcome for family in overview.families] == ["timeout", "calibration_error"]
    assert [one.ipppssoot for one in overview.running] == ["ldem01pkq"]
    assert [one.ipppssoot for one in overview.waiting] == ["ldem01omq"]
    assert overview.waiting[0].seconds > 10**9
    assert overview.plan_cost_usd is None, "nothing is paid here"


def test_since_when_something_waits_is_remembered_where_the_engine_does_not_say(batch, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("hstdputils.progress.overview.time.time", lambda: now[0])
    observer = Observer(batch)
    waiting = Progress.of([], [state("ldem01acq", State.WAITING)])
    assert observer.overview(waiting, Pace(), None).waiting == []
    now[0] += 30
    assert observer.overview(waiting, Pace(), None).waiting[0].seconds == 30
    observer.overview(Progress.of([], [state("ldem01acq")]), Pace(), None)
    now[0] += 30
    assert observer.overview(waiting, Pace(), None).waiting == [], "it waits anew"


class Prices:
    def cost_usd(self, memory_mib, vcpus, seconds):
        return memory_mib * vcpus * seconds / 1e6


def test_cost_is_estimated_from_few_markers(batch, monkeypatch):
    names = [f"l{number:07}q" for number in range(200)]
    read = []

    def read_all(self, kinds):
        read.extend(kinds)
        for name in kinds:
            numbers = {"memory_mib": 1000, "vcpus": 1, "cost_usd": 0.05}
            yield marker(name, numbers)

    monkeypatch.setattr("hstdputils.records.markers.Markers.read_all", read_all)
    observer = Observer(batch, {name: row(name, 0.05) for name in names}, Prices())
    found = observer.overview(Progress.of(names, []), Pace(), None)
    assert len(read) == 50
    assert found.cost_usd == pytest.approx(200 * 0.1)
    assert found.expected_cost_usd == pytest.approx(10)
    assert found.plan_cost_usd == pytest.approx(10)
    for _ in range(5):
        observer.overview(Progress.of(names, []), Pace(), None)
    assert sorted(read) == names, "each marker is read once"


def marker(name, plan_row):
    class Made:
        ipppssoot, earlier, wall_seconds = name, (), 100.0

    Made.plan_row = plan_row
    return Made


def shown(overview, width):
    console = Console(file=io.StringIO(), width=width, height=60, highlight=False)
    console.print(dashboard(overview))
    return console.file.getvalue()


@pytest.mark.parametrize("width", [60, 110])
def test_the_dashboard_fits_and_obeys_nothing(overview, width):
    text = shown(overview, width)
    assert max(map(len, text.splitlines())) <= width
    for word in (
        "do not start",
        "make the host",
        "acs",
        "longest running",
        "ldem01pkq",
        "longest waiting",
        "timeout",
    ):
        assert word in text
    assert "\x1b" not in text.replace("\\x1b", "")


def test_the_page_needs_nothing_and_escapes_all(overview):
    page = page_html(overview, refreshed=True)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert not re.search(r'(src|href)="', page)
    assert '<meta http-equiv="refresh" content="60">' in page
    assert "4 of 6" in page
    assert "make the host larger" in page
    assert "http-equiv" not in page_html(overview, refreshed=False)


def test_one_file_a_round_and_all_at_the_end(batch, progress, overview, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("hstdputils.progress.published.time.monotonic", lambda: now[0])
    puts = []
    store = batch.store
    monkeypatch.setattr(type(store), "put_bytes", lambda self, data, key, **how: puts.append((key, data)) or True)
    publisher = Publisher(batch, has_page=True)
    for _ in range(30):
        before = len(puts)
        publisher.write(progress, lambda: overview)
        assert len(puts) - before <= 1
        now[0] += 5
    assert {key for key, _ in puts} == {"night/blackboard.txt", "night/status.html", "night/status.json"}
    puts.clear()
    publisher.write_last(progress, lambda: overview)
    assert len(puts) == 3
    values = json.loads(dict(puts)["night/status.json"])
    assert values["total"] == 6
    assert values["wait_reasons"][0]["fix"] == "make the host larger"


def test_a_watch_without_a_page_writes_the_blackboard_alone(batch, progress, overview):
    publisher = Publisher(batch, has_page=False)
    publisher.write(progress, lambda: overview)
    publisher.write_last(progress, lambda: overview)
    assert [entry.key for entry in batch.store.entries("night/")] == ["night/blackboard.txt"]


def test_the_plan_counts():
    progress = Progress.of(["a"], [state("b")]).with_plan(["a", "b", "c", "d"])
    assert progress.total == 4
    assert not progress.is_over
    assert progress.counts() == {"succeeded": 1, "running": 1, "pending": 2}


def test_batches_of_a_store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = open_store("results")
    for name in ("ldem01acq", "ldem01tnq"):
        store.put_bytes(b"{}", f"night/markers/succeeded/{name}.json")
    store.put_bytes(b"{}", "night/markers/failed/ldem01pkq.json")
    store.put_bytes(b"{}", "night/ldem01acq/process.log")
    plan = "".join(
        f"{row(name, store='results').to_json()}\n" for name in ("ldem01acq", "ldem01tnq", "ldem01pkq", "x")
    )
    (tmp_path / "results/night/plan.out").write_text(plan.replace('"x"', '"ldem01omq"'))
    store.put_bytes(b"{}", "other/markers/succeeded/ldem01acq.json")
    store.put_bytes(b"no batch", "notes/readme.txt")
    found = {one.name: (one.planned, one.succeeded, one.failed, one.left) for one in batches(store)}
    assert found == {"night": (4, 2, 1, 1), "other": (None, 1, 0, None)}
