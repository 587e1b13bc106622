"""The command resources: fit from batches and tables, score, explain, and its errors."""

import json
import re
from pathlib import Path

import boto3
import pytest

from hstdputils import resources
from hstdputils.core import command_line
from hstdputils.model.fitted import Model
from hstdputils.model.history import History
from hstdputils.records.batch import Batch
from hstdputils.store.folder import FolderStore
from hstdputils.store.registry import open_store
from tests.model.made_up_runs import rows, write
from tests.model.test_model_history import marker


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(Path("runs.csv"), rows())
    return tmp_path


def run(*arguments):
    return command_line.run(resources.main, list(arguments))


def fitted(capsys):
    assert run("fit", "runs.csv", "--date", "2021-05-13") == 0
    return capsys.readouterr().out


@pytest.mark.slow
def test_fit_writes_a_model_with_its_score(folder, capsys):
    out = fitted(capsys)
    assert "runs.csv: 576 new runs" in out
    assert re.search(r"^\| features known +\| 576 ", out, re.MULTILINE)
    data = json.loads(Path("config/resources.json").read_text())
    assert data["fitted"]["runs"] == data["fitted"]["runs_with_features"] == 576
    assert data["fitted"]["runs_to"] == "2021-05-13"
    assert data["fitted"]["score"]["features_known"]["bill"] < 1.3
    assert "runs.csv: 0 new runs" in fitted(capsys)
    assert json.loads(Path("config/resources.json").read_text()) == data


def test_fit_learns_from_markers_and_holds_itself_against_the_earlier_model(folder, capsys):
    fitted(capsys)
    before = Model.load().needs(["lzzz01acq"], {}, {})[0]
    store = FolderStore("results")
    for number in range(30):
        Batch(store, "b").markers.write(marker(f"lzzz01{number:02x}q", memory=9000))
    assert run("fit", "results/b") == 0
    out = capsys.readouterr().out
    assert "results/b: 30 new runs" in out
    assert "new runs: earlier model" in out
    assert "new runs: this model" in out
    after = Model.load().needs(["lzzz01acq"], {}, {})[0]
    assert after.evidence == "program"
    assert after.memory_mib > 8900 > before.memory_mib


def test_fit_reads_a_batch_in_a_bucket(folder, monkeypatch, capsys):
    moto = pytest.importorskip("moto")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "made-up")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with moto.mock_aws():
        boto3.client("s3").create_bucket(Bucket="bucket")
        Batch(open_store("s3://bucket"), "b").markers.write(marker("lzzz01acq", memory=9000))
        assert run("fit", "runs.csv", "s3://bucket/b") == 0
    assert "s3://bucket/b: 1 new run\n" in capsys.readouterr().out


def test_a_source_that_fails_leaves_the_history_as_it_was_and_few_runs_are_kept(folder, capsys):
    write(Path("few.csv"), rows()[:50])
    assert run("fit", "few.csv") == 2
    assert "50 runs in history.sqlite are too few" in capsys.readouterr().err
    assert run("fit", "runs.csv", "nothing.csv") == 2
    with History(Path("history.sqlite")) as history:
        assert len(history) == 50
    assert run("fit", "runs.csv") == 0
    with History(Path("history.sqlite")) as history:
        assert len(history) == len(rows())


@pytest.mark.slow
def test_a_model_gives_way_to_none_of_fewer_runs_unless_it_is_named(folder, capsys):
    fitted(capsys)
    before = Path("config/resources.json").read_bytes()
    write(Path("few.csv"), rows()[:200])
    assert run("fit", "few.csv", "--history", "mine.sqlite") == 2
    assert "rests on 576 runs, mine.sqlite has 200: write another model with --model" in capsys.readouterr().err
    assert Path("config/resources.json").read_bytes() == before
    assert run("fit", "--history", "mine.sqlite", "--model", "mine.json") == 0
    assert run("fit", "--history", "mine.sqlite", "--model", "config/resources.json") == 0
    assert Model.load().data["fitted"]["runs"] == 200


@pytest.mark.slow
def test_score_of_runs_that_the_model_knows_is_cross_validated(folder, capsys):
    fitted(capsys)
    assert run("score", "runs.csv", "--seeds", "2") == 0
    out = capsys.readouterr().out
    assert "fitted anew" in out
    assert out.count("| id alone") == 2
    others = [{**row, "ipst": row["ipst"][0] + "zz" + row["ipst"][3:]} for row in rows(seed=5)]
    write(Path("others.csv"), others)
    assert run("score", "others.csv") == 0
    out = capsys.readouterr().out
    assert "config/resources.json as it stands" in out
    assert float(re.search(r"\| features known +\| \d+ +\| ([\d.]+)", out)[1]) < 1.3


@pytest.mark.slow
def test_explain_says_why(folder, capsys):
    fitted(capsys)
    assert run("explain", "I8AA01010", "--features", "none.csv") == 2
    assert "none.csv" in capsys.readouterr().err
    header = "ipst,n_files,total_mb,drizcorr,pctecorr,crsplit,subarray,detector,dtype,instr"
    Path("f.csv").write_text(f"{header}\nizzz01010,4,200,1,1,2,0,1,1,3\n")
    assert run("explain", "izzz01010", "--features", "f.csv") == 0
    out = capsys.readouterr().out
    needs = int(re.match(r"izzz01010: (\d+) MiB", out)[1])
    law = re.search(r"([\d.]+) x \(200 \+ ([\d.]+)\) = (\d+) MiB", out)
    assert float(law[1]) * (200 + float(law[2])) == pytest.approx(float(law[3]), rel=0.01)
    assert 0 <= needs - float(law[3]) <= 0.15 * float(law[3])  # rounded up to the next size
    assert "drizcorr over 0.5" in out
    assert "no run of its program" in out


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("i8aa01010", ["evidence: history, 1 finished run", "its own run used", "its program i8aa"]),
        ("izzz01acq", ["evidence: instrument", "no features are known", "single exposures"]),
        ("acs_8ph_01", ["no run of a mosaic is on record"]),
    ],
)
def test_explain_names_the_evidence(folder, capsys, name, words):
    fitted(capsys)
    Path("history.sqlite").rename("h.sqlite")
    history = ["--history", "h.sqlite"] if "history" in words[0] else []
    assert run("explain", name, *history) == 0
    out = capsys.readouterr().out
    assert [word for word in words if word not in out] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fit"], "0 runs in history.sqlite are too few"),
        (["fit", "nothing.csv"], "cannot read the table nothing.csv"),
        (["fit", "empty"], "empty: no markers there"),
        (["fit", "s3://bucket"], "names no batch"),
        (["fit", "runs.csv", "nothing.csv", "--history", "deep/down/h.sqlite"], "cannot read the table nothing.csv"),
        (["score", "ids.csv"], "no runs in ids.csv"),
        (["explain", "u2840201t"], "WFPC2"),
        (["explain", "ldem01acq", "--model", "runs.csv"], "runs.csv is not a fitted model"),
        (["explain", "ldem01acq", "--history", "none.sqlite"], "no history none.sqlite"),
        ([], "fit | score | explain"),
    ],
)
def test_errors_are_one_line(folder, capsys, arguments, message):
    Path("empty").mkdir()
    Path("ids.csv").write_text("ipst\nldem01acq\n")
    before = sorted(folder.rglob("*"))
    assert run(*arguments) == 2
    assert sorted(folder.rglob("*")) == before
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
