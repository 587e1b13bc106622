"""The report: rows, totals, the page, and its errors, from made-up markers."""

import html.parser
import io
import re
import urllib.parse
from pathlib import Path
from typing import Any

import boto3
import pytest
from rich.console import Console

from hstdputils.core import command_line
from hstdputils.core.outcomes import Outcome
from hstdputils.core.text import duration
from hstdputils.records.batch import Batch
from hstdputils.records.marker import Marker
from hstdputils.records.plan_rows import PlanRow
from hstdputils.report import command, failures
from hstdputils.report.collect import collect
from hstdputils.report.text_report import show
from hstdputils.store.folder import FolderStore
from hstdputils.store.layout import marker_key
from hstdputils.store.registry import open_store

BATCH = "demo"


def made_up(ipppssoot, outcome=Outcome.SUCCEEDED, **values: Any):
    succeeded = outcome is Outcome.SUCCEEDED
    usual = {
        "batch": BATCH,
        "exit_code": 0 if succeeded else 27,
        "reason": "" if succeeded else "x1u1459gl_geo.fits not in the CRDS cache: sync the cache",
        "attempt": 1,
        "plan_row": {"memory_mib": 2048},
        "crds_context": "hst_1203.pmap",
        "versions": {"calcos": "3.6.2"},
        "host": "node07",
        "start": "2026-03-14T10:12:07.120+01:00",
        "end": "2026-03-14T10:15:08.520+01:00",
        "wall_seconds": 181.4,
        "cpu_seconds": 1800.0,
        "peak_memory_mib": 812,
        "bytes_in": 10_000_000,
        "bytes_out": 84_400_000 if succeeded else 0,
        "n_products": 9 if succeeded else 0,
        "manifest_sha256": "",
    }
    return Marker(ipppssoot=ipppssoot, outcome=outcome, **(usual | values))


def plan_line(ipppssoot, output="results", batch=BATCH):
    return PlanRow(output, batch, ipppssoot, "cos", "hstdp-process", 1, 1536, 1200, "instrument", 0, None).to_json()


@pytest.fixture
def store(tmp_path, monkeypatch):
    """Three that succeeded and one that did not, in ``results``, which is a folder of the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    store = FolderStore("results")
    save(store, made_up("ldem01acq"), made_up("ldem01tnq", peak_memory_mib=1700), made_up("ldem01010"))
    save(store, made_up("ldem01bdq", Outcome.NO_REFERENCES))
    store.put_bytes(
        b'{"crds_context": "hst_1203.pmap", "programs": {"calcos": "3.6.2"}, "hstdputils": "0.1.0"}',
        f"{BATCH}/batch.json",
    )
    return store


def save(store, *markers: Marker):
    for marker in markers:
        store.put_bytes(b"log\n", f"{BATCH}/{marker.ipppssoot}/process.log")
        Batch(store, BATCH).markers.write(marker)


def run(*arguments: str):
    return command_line.run(command.main, ["results", BATCH, *arguments])


def page(*arguments: str):
    """Run the command and return the page."""
    assert run(*arguments) == 0
    return Path("results", BATCH, "report.html").read_text(encoding="utf-8")


class Tags(html.parser.HTMLParser):
    """All tags of a page with their attributes."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def values(self, attribute):
        return [attrs[attribute] for _, attrs in self.found if attribute in attrs]


def total(text, name):
    return re.search(rf"^{re.escape(name)}\s+(\S.*)$", text, re.MULTILINE).group(1)


def test_table_and_totals(store, capsys):
    assert run() == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert lines[1].split()[:6] == ["ldem01bdq", "cos", "no_references", "1", "0:03:01", "812/2048"]
    assert lines[1].endswith("sync the cache")
    assert "1700/2048  9, 84.4 MB" in out
    assert total(out, "datasets") == "4"
    assert total(out, "succeeded") == "3"
    assert total(out, "no_references") == "1"
    assert total(out, "summed wall time") == "0:12:06"
    assert total(out, "CPU time") == "2.0 h"
    assert total(out, "products") == "253.2 MB"
    assert total(out, "peak memory") == "1,700 MiB"
    assert lines[-1] == "page: results/demo/report.html"
    assert "\x1b" not in out


def test_table_fits_80_columns_of_a_terminal(store):
    save(store, made_up("ldem01hhq", Outcome.INCOMPLETE_PRODUCTS, reason="word " * 50, peak_memory_mib=32000))
    out = io.StringIO()
    show(collect(Batch(store, BATCH), {}), None, Console(file=out, width=80, force_terminal=True, color_system=None))
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("ldem01hhq  cos     incomplete_products") for line in lines)
    assert any(line.startswith("  word word") and line.endswith("…") for line in lines)


def test_large_batch_lists_only_what_did_not_succeed(store, capsys):
    save(store, *(made_up(f"lok{n:05d}q") for n in range(40)))
    save(store, *(made_up(f"lno{n:05d}q", Outcome.BAD_INPUT) for n in range(45)))
    assert run() == 0
    out = capsys.readouterr().out
    listed = [line for line in out.splitlines() if "  cos  " in line]
    assert len(listed) == 40
    assert not any("succeeded" in line for line in listed)
    assert "not listed: 6 that did not succeed and 43 that succeeded; the page has all" in out


def test_pending_from_plan(store, capsys):
    lines = [plan_line("ldem01acq"), plan_line("LDEM01ZZQ"), plan_line("ldem01xxq", batch="other")]
    Path("plan.out").write_text("\n".join([*lines, plan_line("ldem01yyq", "s3://elsewhere")]))
    text = page("--plan", "plan.out")
    out = capsys.readouterr().out
    assert total(out, "pending") == "1"
    assert total(out, "datasets") == "5"
    assert "3 of 5 datasets succeeded; 1 needs you; 1 has not run." in text
    assert "ldem01zzq" in text
    assert "ldem01xxq" not in text + out
    assert "ldem01yyq" not in text + out


def test_plan_alone_is_enough(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("plan.out").write_text(plan_line("ldem01acq", "./results/"))
    assert run("--plan", "plan.out") == 0
    assert total(capsys.readouterr().out, "pending") == "1"


def test_succeeded_holds_where_both_markers_exist(store):
    save(store, made_up("ldem01acq", Outcome.TIMEOUT))
    rows = {row.ipppssoot: row for row in collect(Batch(store, BATCH), {}).rows}
    assert len(rows) == 4
    assert rows["ldem01acq"].state == "succeeded"


@pytest.mark.parametrize("data", [b"{", b"[]", made_up("ldem01qqq", wall_seconds=None).to_json()])
def test_unreadable_marker_is_named(store, data):
    store.put_bytes(data, marker_key(BATCH, "ldem01qqq", succeeded=True))
    row = next(row for row in collect(Batch(store, BATCH), {}).rows if row.ipppssoot == "ldem01qqq")
    assert row.state == "unknown"
    assert "results/demo/markers/succeeded/ldem01qqq.json cannot be read" in row.reason
    assert "No reason" not in page()


def test_text_of_markers_is_escaped(store, capsys):
    evil = "<img src=x onerror=alert(1)> & \x1b[31mred\x1b[0m [bold]x[/bold]\nnext"
    save(store, made_up("ldem01xsq", Outcome.UNKNOWN, reason=evil, start='"><b>', crds_context="<i>"))
    text = page()
    out = capsys.readouterr().out
    assert "<img" not in text
    assert '"><b>' not in text
    assert "&lt;img src=x onerror=alert(1)&gt; &amp;" in text
    assert "\x1b" not in text + out
    assert "[bold]x[/bold] next" in out


@pytest.mark.parametrize("where", ["results/demo/report.html", "elsewhere/deep/my page.html"])
def test_links_lead_to_files(store, where):
    assert run("--html", where) == 0
    text = Path(where).read_text(encoding="utf-8")
    tags = Tags(text)
    links = tags.values("href")
    files = [link for link in links if not link.startswith("#")]
    # the one that failed, and all four as the slowest
    assert sum(link.endswith("process.log") for link in files) == 5
    assert len(files) == 8
    for link in files:
        assert (Path(where).parent / urllib.parse.unquote(link)).exists()
    anchors = {link[1:] for link in links if link.startswith("#")}
    assert "ldem01bdq" in anchors
    assert anchors <= set(tags.values("id"))
    assert list(Path(where).parent.glob(".*.part")) == []


def test_page_needs_nothing_else(store):
    text = page()
    assert text.count("<script") == text.count("<style") == 1
    assert re.sub("http-equiv", "", text).count("http") == 0
    assert "@import" not in text
    assert "url(" not in text
    assert Tags(text).values("src") == []
    assert str(Path.cwd()) not in text


def test_page_says_what_a_failure_means_and_where_it_is_from(store):
    text = page()
    assert "<title>demo: 3 of 4 datasets succeeded; 1 needs you</title>" in text
    assert "Exit code 27: CRDS: no context" in text
    assert "No further attempt is made by itself: fix the cause" in text
    assert "2026-03-14 09:12:07 UTC" in text
    assert "<dt>CRDS context</dt><dd>hst_1203.pmap</dd>" in text
    assert "<dt>calcos</dt><dd>3.6.2</dd>" in text
    assert "hstdputils report results demo</code>" in text


def test_tables_have_captions_and_scopes(store):
    tags = [tag for tag, _ in Tags(page()).found]
    assert tags.count("table") == tags.count("caption") == 5
    assert all("scope" in attrs for tag, attrs in Tags(page()).found if tag == "th")


def test_notes_of_earlier_attempts(store):
    earlier = [{"attempt": 1, "outcome": "out_of_memory", "memory_mib": 1024}]
    save(store, made_up("ldem01acq", attempt=2, earlier=earlier, warnings=["no FLASHCUR"]))
    assert "no FLASHCUR; attempt 1: out_of_memory with 1024 MiB" in page()


def test_no_html(store, capsys):
    assert run("--no-html") == 0
    assert "page:" not in capsys.readouterr().out
    assert not Path("results", BATCH, "report.html").exists()


def test_unknown_batch_is_one_line(store, capsys):
    assert command_line.run(command.main, ["results", "dmo"]) == 2
    assert capsys.readouterr().err == (
        "error: no batch 'dmo' in results: neither markers nor rows of a plan; known: demo; did you mean 'demo'?\n"
    )
    assert not Path("results/dmo").exists()


@pytest.mark.parametrize("content", [None, b"no row\n", b"\xff\xfe"])
def test_unreadable_plan_is_one_line(store, capsys, content):
    if content is not None:
        Path("plan.out").write_bytes(content)
    assert run("--plan", "plan.out") == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert "plan.out" in error
    assert error.count("\n") == 1


def test_page_that_cannot_be_written_is_one_line(store, capsys):
    Path("file").write_text("")
    assert run("--html", "file/report.html") == 2
    assert capsys.readouterr().err.startswith("error: cannot write the page file/report.html")


def test_s3_store_has_addresses_and_links_to_the_console(tmp_path, monkeypatch, capsys):
    moto = pytest.importorskip("moto")
    monkeypatch.chdir(tmp_path)
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "made-up")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with moto.mock_aws():
        boto3.client("s3").create_bucket(Bucket="bucket")
        save(open_store("s3://bucket/some"), made_up("ldem01acq"), made_up("ldem01bdq", Outcome.TIMEOUT))
        Path("plan.out").write_text(plan_line("ldem01zzq", "s3://bucket/some/"))
        arguments = ["s3://bucket/some", BATCH, "--plan", "plan.out"]
        assert command_line.run(command.main, arguments) == 0
        assert total(capsys.readouterr().out, "pending") == "1"
        text = Path("results", BATCH, "report.html").read_text(encoding="utf-8")
        console = "https://console.aws.amazon.com/s3/object/bucket?prefix=some%2Fdemo%2Fldem01bdq%2Fprocess.log"
        assert f'<a href="{console}">process.log</a>' in text
        assert "<code>aws s3 cp s3://bucket/some/demo/ldem01bdq/process.log -</code>" in text
        links = [link for link in Tags(text).values("href") if not link.startswith("#")]
        assert all(link.startswith("https://console.aws.amazon.com/s3/") for link in links)
        assert "https://console.aws.amazon.com/s3/buckets/bucket?prefix=some%2Fdemo%2F" in links
        assert '<pre tabindex="0">log</pre>' in text
        assert "aws s3 cp s3://bucket/some/demo/DATASET/process.log -" in text
        assert command_line.run(command.main, [*arguments, "--presign=2"]) == 0
        text = Path("results", BATCH, "report.html").read_text(encoding="utf-8")
        signed = next(link for link in Tags(text).values("href") if "process.log" in link)
        assert "X-Amz-Expires=7200" in signed
        assert "hold for 2 h" in text
        assert command_line.run(command.main, ["s3://bucket", "other"]) == 2


def test_buckets_elsewhere_have_signed_links_alone(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://localhost:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "made-up")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    store = open_store("s3://bucket/some")
    assert store.https_address("b/x") == ""
    assert store.https_address("b/x", 60).startswith("http://localhost:9/bucket/some/b/x?")


def test_store_none_is_one_line(capsys):
    assert command_line.run(command.main, ["none", BATCH]) == 2
    assert "none keeps no markers" in capsys.readouterr().err


@pytest.mark.parametrize("outcome", [Outcome.SUCCEEDED, Outcome.NO_REFERENCES])
@pytest.mark.slow
def test_page_of_10000_datasets_is_small(tmp_path, monkeypatch, outcome):
    monkeypatch.chdir(tmp_path)
    folder = Path("results", BATCH, "markers", "succeeded" if outcome is Outcome.SUCCEEDED else "failed")
    folder.mkdir(parents=True)
    template = made_up("lxxxxxxxx", outcome, reason="a reason of some length " * 20).to_json()
    for n in range(10_000):
        name = f"l{n:07d}q"
        (folder / f"{name}.json").write_bytes(template.replace(b"lxxxxxxxx", name.encode()))
    assert len(page()) < 5_000_000


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0 s"), (4.41, "4.4 s"), (59.97, "0:01:00"), (181.4, "0:03:01"), (360_000, "100:00:00")],
)
def test_duration(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.SUCCEEDED])
def test_every_failure_says_what_follows(outcome):
    assert "run the batch again" in failures.what_follows(str(outcome))
