"""One bad record harms nobody: commands go on, name it, and count the others right."""

import dataclasses
import gzip
import json
import os
import sqlite3
from pathlib import Path

import pytest

from hstdputils.__main__ import command_module
from hstdputils.core import command_line
from hstdputils.core.errors import UserError
from hstdputils.core.formats import MOST_BYTES, BadFormat, read_as, read_json
from hstdputils.core.outcomes import Outcome
from hstdputils.engines.decision_log import DecisionLog
from hstdputils.engines.submission_records import SubmissionRecords
from hstdputils.model.features import Features
from hstdputils.model.fitted import Model
from hstdputils.model.history import History
from hstdputils.model.prices import Prices
from hstdputils.model.tables import read_features_table
from hstdputils.records import markers
from hstdputils.records.batch import Batch
from hstdputils.records.marker import Marker, marker_of
from hstdputils.records.markers import note_once
from hstdputils.report.collect import collect
from hstdputils.store.folder import FolderStore
from hstdputils.store.layout import marker_key
from hstdputils.workflow_run.arguments import Arguments
from hstdputils.workflow_run.plans import RunPlan
from hstdputils.workflow_run.remaining import Remaining
from hstdputils.workflow_run.run_batch import RunBatch
from tests.report.test_report import BATCH, made_up

GOOD, BAD = ("ldem01acq", "ldem01tnq", "ldem01010"), "ldem01zzq"
FAILED = "ldem01bdq"
DEEP = 200_000 * b"["


def made_bad(**values):
    return (json.dumps(dataclasses.asdict(made_up(BAD)) | values) + "\n").encode()


WRONG = {
    "deep list": DEEP,
    "deep object": 100_000 * b'{"a":',
    "deep value": made_bad().replace(b'"host": "node07"', b'"host": ' + 5000 * b"[" + 5000 * b"]"),
    "list": b"[]",
    "number": b"12",
    "null": b"null",
    "empty": b"",
    "blank": b" \n",
    "cut short": made_bad()[:450],
    "UTF-16": made_bad().decode().encode("utf-16"),
    "not UTF-8": made_bad().replace(b"node07", b"\xff\xfe\xfa"),
    "half a surrogate": made_bad().replace(b"node07", b"\\ud800"),
    "zeros": 4096 * b"\0",
    "NaN": made_bad(wall_seconds=float("nan")),
    "infinite": made_bad().replace(b"181.4", b"1e999"),
    "huge number": made_bad().replace(b"181.4", 5000 * b"9"),
    "large number": made_bad(peak_memory_mib=2**62),
    "another dataset's": made_up("ldem01acq").to_json(),
    "another batch's": made_bad(batch="other"),
    "name is a list": made_bad(ipppssoot=["ldem01zzq"]),
    "unknown outcome": made_bad(outcome="fine"),
    "failed": made_bad(outcome="timeout"),
    "nothing in it": b"{}",
} | {
    f"{field.name} is {value!r}": made_bad(**{field.name: value})
    for field in dataclasses.fields(Marker)
    for value in ([["x"]], {"x": {"x": 1}}, True)
    if not (field.name in ("versions", "plan_row") and value != [["x"]] and value is not True)
    if not (field.name == "plan_row" and isinstance(value, dict))
}


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    note_once.cache_clear()
    markers._known_good.clear()
    store = FolderStore("results")
    for name in GOOD:
        Batch(store, BATCH).markers.write(made_up(name))
    Batch(store, BATCH).markers.write(made_up(FAILED, Outcome.BAD_INPUT))
    store.put_bytes(b'{"crds_context": "hst_1203.pmap", "programs": {"calcos": "3.6.2"}}', f"{BATCH}/batch.json")
    return store


def run(capsys, command, *arguments):
    """Run a command, which has to end by itself and without a trace, and return what it said."""
    main = command_module(command).main
    status = command_line.run(main, list(map(str, arguments)))
    said = capsys.readouterr()
    assert "Traceback" not in said.out + said.err
    return status, said.out, said.err


@pytest.mark.parametrize("data", WRONG.values(), ids=WRONG)
def test_a_bad_marker_is_named_and_counted_as_what_it_is(store, data):
    key = marker_key(BATCH, BAD, succeeded=True)
    store.put_bytes(data, key)
    said: list[str] = []
    assert Batch(store, BATCH).markers.finished(said.append) == {
        **dict.fromkeys(GOOD, True),
        FAILED: False,
        BAD: False,
    }
    (line,) = said
    assert line.startswith(f"its marker results/{key} cannot be read (")
    assert line.isprintable()
    assert len(line) < 400
    assert Batch(store, BATCH).markers.read(BAD, succeeded=True) is None
    row = next(row for row in collect(Batch(store, BATCH), {}).rows if row.ipppssoot == BAD)
    assert (row.state, row.reason) == ("unknown", line)


@pytest.mark.parametrize("kind", ["succeeded", "failed"])
@pytest.mark.parametrize("data", [DEEP, b"", made_bad(batch=["demo"]), made_up("ldem01acq").to_json()])
def test_every_command_goes_on(store, capsys, data, kind):
    store.put_bytes(data, marker_key(BATCH, BAD, succeeded=kind == "succeeded"))
    address = f"results/{BATCH}"
    status, out, _ = run(capsys, "status", address)
    assert status == 0
    assert "5 of 5 datasets have ended: 3 succeeded, 1 bad_input, 1 unknown" in out
    status, out, _ = run(capsys, "status", address, BAD)
    assert status == 0
    assert f"{BAD}  unknown" in out
    status, out, _ = run(capsys, "report", "results", BATCH, "--json", "r.json")
    assert status == 0
    assert json.loads(Path("r.json").read_text())["states"] == {"succeeded": 3, "bad_input": 1, "unknown": 1}
    assert f"{BAD}.json cannot be read" in out
    status, out, _ = run(capsys, "watch", address, "--once", "--quiet")
    assert status == 1
    assert "3 succeeded, 1 bad_input, 1 unknown" in out
    status, out, _ = run(capsys, "verify", "results", BATCH)
    assert status == 29
    assert f"markers/{kind}/{BAD}.json " in out
    if data in (DEEP, b""):
        assert "(3 succeeded, 1 failed, 1 unknown)" in out
    for verb in ("cancel", "rescue"):
        status, out, _ = run(capsys, verb, address, "--all")
        assert status == 0
        assert f"nothing to {verb}" in out
    status, _, err = run(capsys, "resources", "fit", address, "--model", "m.json")
    assert status == 2
    assert "3 runs in history.sqlite are too few" in err
    status, out, _ = run(capsys, "clean", address, BAD, "--yes")
    assert status == 0
    assert f"{marker_key(BATCH, BAD, succeeded=True)}" not in {entry.key for entry in store.entries(BATCH)}
    assert Batch(store, BATCH).markers.finished() == {**dict.fromkeys(GOOD, True), FAILED: False}


def test_the_workflow_processes_the_dataset_again(store, capsys):
    from hstdputils.core.config import Config

    (Path("results") / marker_key(BATCH, BAD, succeeded=True)).write_bytes(DEEP)
    Path("x.ids").write_text("\n".join([*GOOD, BAD]))
    batch = RunBatch(Config(ids=["x.ids"], batch=BATCH))
    work = Remaining(batch, RunPlan(batch, Arguments(batch)), is_local=lambda: True).work()
    assert work == [batch.marker.format(ipppssoot=BAD)]
    assert "cannot be read" in capsys.readouterr().err


def test_names_that_no_dataset_has_are_reported_and_ignored(store, capsys):
    for name in ("..", "x", "LDEM01ACQ", "ldem01acq/x", "ldem\x1b[31m", "ldem01ac", "n" * 200):
        store.put_bytes(made_up("ldem01acq").to_json(), f"{BATCH}/markers/failed/{name}.json")
    assert Batch(store, BATCH).markers.finished() == {**dict.fromkeys(GOOD, True), FAILED: False}
    said = capsys.readouterr().err
    assert said.count("is ignored: it is not the name of a dataset") == 7
    assert "\x1b" not in said
    _, out, _ = run(capsys, "status", f"results/{BATCH}")
    assert "4 of 4 datasets have ended" in out
    _, out, _ = run(capsys, "verify", "results", BATCH)
    assert out.count("is not a marker: no dataset has this name") == 7
    assert "\x1b" not in out


def test_no_more_of_a_marker_is_read_than_one_may_have(store, tmp_path):
    path = tmp_path / "results" / marker_key(BATCH, BAD, succeeded=True)
    with path.open("wb") as file:
        os.truncate(file.fileno(), 50 * 2**30)  # a file with holes
    said: list[str] = []
    assert Batch(store, BATCH).markers.finished(said.append)[BAD] is False
    assert f"it is longer than {MOST_BYTES:,} bytes" in said[0]
    assert len(store.get_bytes(marker_key(BATCH, BAD, succeeded=True), 10)) == 10


def test_folders_and_broken_links_are_not_markers(store, tmp_path):
    folder = tmp_path / "results" / BATCH / "markers" / "succeeded"
    os.mkfifo(folder / f"{BAD}.json")
    (folder / "ldem01pkq.json").symlink_to("nowhere")
    (folder / "ldem01plq.json").mkdir()
    assert Batch(store, BATCH).markers.finished() == {**dict.fromkeys(GOOD, True), FAILED: False}
    assert Batch(store, BATCH).markers.read("ldem01plq", succeeded=True) is None


def test_a_failure_stands_where_the_marker_of_a_success_cannot_be_read(store):
    Batch(store, BATCH).markers.write(made_up(BAD, Outcome.TIMEOUT))
    store.put_bytes(b"", marker_key(BATCH, BAD, succeeded=True))
    row = next(row for row in collect(Batch(store, BATCH), {}).rows if row.ipppssoot == BAD)
    assert row.state == "timeout"
    assert "cannot be read (not a valid marker: it is empty)" in row.notes[0]


def test_of_two_markers_that_cannot_be_read_the_success_is_named(store):
    markers = Batch(store, BATCH).markers
    for kind in (True, False):
        store.put_bytes(b"", markers.key(BAD, succeeded=kind))
    (marker,) = markers.read_all({BAD: False})
    assert (marker.outcome, marker.attempt, marker.ipppssoot) == (Outcome.UNKNOWN, 0, BAD)
    assert f"its marker results/{markers.key(BAD, succeeded=True)} cannot be read (" in marker.reason


@pytest.mark.parametrize(
    ("succeeded", "outcome", "among"), [(True, "timeout", "succeeded"), (False, "succeeded", "failed")]
)
def test_a_marker_among_those_of_the_other_kind_is_named(store, succeeded, outcome, among):
    data = made_up(BAD, Outcome(outcome)).to_json()
    with pytest.raises(BadFormat, match=f"^it says {outcome}, among those that {among}$"):
        marker_of(data, BATCH, BAD, succeeded=succeeded)


@pytest.mark.parametrize(
    "data",
    [DEEP, b"", b"[]", b'{"crds_context": 1, "programs": {}}', b'{"crds_context": "x", "programs": ["calcos"]}'],
)
def test_bad_batch_description_is_one_line(store, data, capsys):
    store.put_bytes(data, f"{BATCH}/batch.json")
    with pytest.raises(UserError, match="is not a valid description of a batch"):
        Batch(store, BATCH).pins()
    status, out, _ = run(capsys, "report", "results", BATCH, "--no-html")
    assert status == 0
    _, out, _ = run(capsys, "verify", "results", BATCH)
    assert "is not a valid description of a batch" in out


@pytest.mark.parametrize("data", [DEEP, b"[]", b'{"files": 3}', b'{"files": [{"name": "a", "size": NaN}]}'])
def test_bad_manifest_is_named(store, data, capsys):
    store.put_bytes(data, f"{BATCH}/ldem01acq/manifest.json")
    _, out, _ = run(capsys, "verify", "results", BATCH)
    assert "manifest.json is not a valid manifest (" in out


@pytest.mark.parametrize("data", [DEEP, b'{"steps": 1}', b'{"steps": [{"name": [], "wall_seconds": {}}]}'])
def test_bad_metrics_are_left_out(store, data, capsys):
    store.put_bytes(data, f"{BATCH}/ldem01acq/metrics.json")
    assert run(capsys, "report", "results", BATCH)[0] == 0


def test_bad_decisions_are_passed_over(store):
    store.put_bytes(DEEP + b'\n{}\n[]\n{"ipppssoot": ["x"]}\n', f"{BATCH}/decisions/a.jsonl")
    assert DecisionLog(Batch(store, BATCH)).entries() == {}


WAVE = {
    "number": 1, "token": "t", "queue": "q", "definition": "d", "jobs": [], "created": "2026-01-01T00:00:00+00:00",
}  # fmt: skip


@pytest.mark.parametrize(
    "data",
    [
        DEEP,
        b"[]",
        json.dumps(WAVE | {"jobs": {}}).encode(),
        json.dumps(WAVE | {"jobs": [[]]}).encode(),
        json.dumps(WAVE | {"created": "now"}).encode(),
        json.dumps(WAVE | {"number": "1"}).encode(),
    ],
)
def test_bad_records_of_jobs_are_one_line(store, data, capsys):
    store.put_bytes(data, f"{BATCH}/jobs/0001/wave.json")
    with pytest.raises(UserError, match="is not a valid record of jobs"):
        SubmissionRecords(Batch(store, BATCH)).read()
    assert run(capsys, "report", "results", BATCH, "--no-html")[0] == 0
    for verb in (["watch", f"results/{BATCH}", "--once"], ["cancel", f"results/{BATCH}", "--all"]):
        status, _, err = run(capsys, *verb)
        assert status == 25
        assert err.count("\n") == 1
    status, out, err = run(capsys, "status", f"results/{BATCH}")
    assert status == 0
    assert "4 of 4 datasets have ended: 3 succeeded, 1 bad_input" in out
    assert "is not a valid record of jobs" in err
    status, _, err = run(capsys, "clean", f"results/{BATCH}", "--all", "--yes")
    assert status == 0
    assert "is not a valid record of jobs" in err
    assert list(store.entries(f"{BATCH}/")) == []


def model_with(change):
    data = json.loads(Path(__file__).parents[2].joinpath("config/resources.json").read_text())
    change(data)
    return json.dumps(data).encode()


MODELS = {
    "deep": DEEP,
    "empty": b"",
    "list": b"[]",
    "size 0": model_with(lambda data: data["sizes"].update(memory_mib=[0, 512])),
    "no numbers": model_with(lambda data: data["largest"].update(memory_mib="much")),
    "NaN": model_with(lambda data: data["largest"].update(memory_mib=float("nan"))),
    "circle": model_with(lambda data: data["trees"]["cos"]["nodes"][0].__setitem__(2, 0)),
    "far away": model_with(lambda data: data["trees"]["cos"]["nodes"][0].__setitem__(3, 10**9)),
    "no nodes": model_with(lambda data: data["trees"]["cos"].update(nodes=[])),
    "unknown question": model_with(lambda data: data["trees"]["cos"]["nodes"][0].__setitem__(0, 99)),
    "kinds": model_with(lambda data: data["kinds"]["cos"].update({"+": [None, 1]})),
    "programs": model_with(lambda data: data["programs"]["by_size"].update({"lxxx+": [-1.0, 1.0, 1.0, 3]})),
}


@pytest.mark.parametrize("data", MODELS.values(), ids=MODELS)
def test_a_bad_model_is_one_line(tmp_path, data):
    path = tmp_path / "model.json"
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"model.json is not a fitted model \(") as error:
        Model.load(path)
    assert len(str(error.value)) < 400


@pytest.mark.parametrize("data", [DEEP, b"", b"[]", b'{"date": [[]]}', b"\xff", b'{"date": 1e999}'])
def test_a_bad_table_of_prices_is_one_line(tmp_path, data):
    path = tmp_path / "prices.json"
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"prices\.json is wrong: "):
        Prices.load(path)


@pytest.mark.parametrize("data", [DEEP, b"", b"\xff\xfe", b"\0" * 100, gzip.compress(DEEP), b"\x1f\x8b rubbish"])
def test_a_bad_table_of_features_is_one_line(tmp_path, data):
    path = tmp_path / "features.csv"
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"features\.csv"):
        read_features_table(path)


def test_a_history_with_odd_values_is_used_without_them(tmp_path):
    path = tmp_path / "h.sqlite"
    with History(path, create=True):
        pass
    with sqlite3.connect(path) as sql:
        for name, memory, wall in [
            ("ldem01acq", 500.0, 60.0), ("ldem01tnq", "much", 60.0), ("ldem01010", None, 60.0),
            (b"\xff\xfe", 500.0, 60.0), ("ldem01pkq", float("inf"), 60.0), ("ldem01bdq", -1, 60.0),
            ("ldem01plq", 500.0, b"x"), (None, 500.0, 60.0),
        ]:  # fmt: skip
            row = [name, memory, wall, 1.0, "succeeded", "2026-01-01", "b"]
            sql.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        sql.execute("INSERT INTO features VALUES ('ldem01acq', 3, 'many', 0, 0, 0, 0, 0, -5)")
    with History(path) as history:
        assert dict(history.measured()) == {"ldem01acq": (500.0, 60.0, 1)}
        assert dict(history.measured(["ldem01acq", "ldem01tnq"])) == {"ldem01acq": (500.0, 60.0, 1)}
        assert len(history.runs()) == 1
        assert history.n_unsound() == 7
        known = history.features()["ldem01acq"]
    assert str(known) == str(
        Features(n_files=3.0, drizcorr=0.0, pctecorr=0.0, crsplit=0.0, subarray=0.0, detector=0.0)
    )


def test_reader_tells_what_is_wrong():
    for data, why in {
        b"": "it is empty",
        DEEP: "it is nested too deeply",
        b"\xff": "it is not UTF-8 text",
        b"{": "it is not JSON: Expecting property name",
        b"[" + MOST_BYTES * b" " + b"]": "it is longer than",
    }.items():
        with pytest.raises(BadFormat, match=why):
            read_json(data)
    with pytest.raises(BadFormat, match="attempt must be a whole number, not True"):
        read_as(Marker, made_bad(attempt=True))
    assert read_json(b'"\\ud83d\\ude00"') == "\U0001f600"
