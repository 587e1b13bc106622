"""The page's details: logs, previews, plan and use, attempts and provenance, from made-up markers."""

import csv
import hashlib
import io
import json
import re
import urllib.parse
from pathlib import Path

import pytest
from PIL import Image

from hstdputils.core import command_line
from hstdputils.core.errors import StoreError
from hstdputils.core.outcomes import Outcome
from hstdputils.records.batch import Batch
from hstdputils.report import command, dataset_table
from hstdputils.report import page as report_page
from hstdputils.report.collect import collect
from hstdputils.report.details import MOST_PICTURES, read_details
from hstdputils.report.page import PageOptions
from hstdputils.report.plan_use import planned_use
from hstdputils.report.plots import MOST_DOTS, Axis, Point, plot
from hstdputils.report.provenance import configuration
from hstdputils.report.summary import attempts_text, summarize_attempts
from hstdputils.store.folder import FolderStore
from hstdputils.store.layout import marker_key
from tests.report.test_report import BATCH, Tags, made_up, page, plan_line, run, save

EVIL = '</pre><script>alert(1)</script> " & \x1b[31m'
AXIS = Axis("planned", "used", [1, 10, 100, 1000], str)


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return FolderStore("results")


def details_of(store):
    found = collect(Batch(store, BATCH), {})
    return read_details(found, [row for row in found.rows if row.failed])


def thumbnail(kind="jpeg"):
    data = io.BytesIO()
    Image.new("L", (128, 96), 30).save(data, kind)
    return data.getvalue()


def add_preview(store, name, file, data=None):
    store.put_bytes(data or thumbnail(), f"{BATCH}/{name}/previews/{file}_thumb.jpg")
    store.put_bytes(b"full", f"{BATCH}/{name}/previews/{file}.jpg")


def earlier(outcome, memory_mib=1024, wall_seconds=100.0):
    return {"outcome": outcome, "memory_mib": memory_mib, "peak_memory_mib": memory_mib, "wall_seconds": wall_seconds}


def test_the_end_of_a_log_and_no_more(store):
    save(store, made_up("ldem01bdq", Outcome.BAD_INPUT))
    lines = [f"line {n:04d} of a long log" for n in range(2000)]
    store.put_bytes("\n".join(lines).encode(), f"{BATCH}/ldem01bdq/process.log")
    assert list(details_of(store).logs["ldem01bdq"]) == lines[-15:]
    text = page()
    assert "line 1999 of a long log" in text
    assert "line 1984 of" not in text


def test_a_log_of_one_endless_line(store):
    save(store, made_up("ldem01bdq", Outcome.BAD_INPUT))
    store.put_bytes(b"x" * 100_000, f"{BATCH}/ldem01bdq/process.log")
    assert [len(line) for line in details_of(store).logs["ldem01bdq"]] == [240]


@pytest.mark.parametrize("data", [b"", None])
def test_a_dataset_without_a_log(store, data):
    save(store, made_up("ldem01bdq", Outcome.BAD_INPUT))
    if data is None:
        store.delete([f"{BATCH}/ldem01bdq/process.log"])
    else:
        store.put_bytes(data, f"{BATCH}/ldem01bdq/process.log")
    assert details_of(store).logs == {}
    assert "last lines of its log" not in page()


def test_hostile_text_stays_text(store):
    tries = [earlier(EVIL)]
    save(
        store,
        made_up("ldem01bdq", Outcome.TIMEOUT, host=EVIL, versions={EVIL: EVIL}, warnings=[EVIL], earlier=tries),
        made_up("ldem01acq", start=EVIL, end=EVIL, plan_row={"memory_mib": 512, "max_seconds": EVIL}, earlier=tries),
    )
    store.put_bytes(EVIL.encode() + b"\xff\n", f"{BATCH}/ldem01bdq/process.log")
    steps = {"steps": [{"name": EVIL, "wall_seconds": 2.0}, {"name": "x", "wall_seconds": "much"}]}
    store.put_bytes(json.dumps(steps | {"steps": steps["steps"][:1]}).encode(), f"{BATCH}/ldem01bdq/metrics.json")
    store.put_bytes(json.dumps(steps).encode(), f"{BATCH}/ldem01acq/metrics.json")
    store.put_bytes(
        json.dumps({"crds_context": EVIL, "programs": {EVIL: EVIL}, "settings": {"a": EVIL}}).encode(),
        f"{BATCH}/batch.json",
    )
    add_preview(store, "ldem01acq", '"><script>x')
    text = page("--config-json", json.dumps({"batch": EVIL, EVIL: 1}))
    assert text.count("<script") == 1
    assert "\x1b" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &#34; &amp;" in text
    # steps that cannot be read are left out
    assert list(details_of(store).steps) == ["ldem01bdq"]


def test_slowest_first_with_the_steps_that_took_the_time(store):
    save(store, *(made_up(f"ldem{n:04d}q", wall_seconds=float(n)) for n in range(30)))
    steps = [{"name": name, "wall_seconds": wall} for name, wall in (("a", 1.0), ("b", 9.0), ("c", 3), ("d", 2))]
    store.put_bytes(json.dumps({"steps": steps}).encode(), f"{BATCH}/ldem0029q/metrics.json")
    details = details_of(store)
    assert [row.ipppssoot for row in details.slowest] == [f"ldem{n:04d}q" for n in range(29, 19, -1)]
    assert details.steps == {"ldem0029q": [("b", 9.0), ("c", 3.0), ("d", 2.0)]}
    assert "b 9.0 s, c 3.0 s, d 2.0 s" in page()


def test_previews_are_in_the_page_and_lead_to_full_pictures(store):
    save(store, made_up("ldem01010"))
    add_preview(store, "ldem01010", "ldem01a1q_flt")
    add_preview(store, "ldem01010", "ldem01010_x1dsum")
    add_preview(store, "ldem01010", "no picture", b"<svg onload=alert(1)>")
    add_preview(store, "ldem01010", "too large", thumbnail() + bytes(20_000))
    tags = Tags(page())
    images = [attributes for tag, attributes in tags.found if tag == "img"]
    assert [image["alt"] for image in images] == ["preview of ldem01010_x1dsum", "preview of ldem01a1q_flt"]
    assert all(image["src"].startswith("data:image/jpeg;base64,") for image in images)
    links = [link for link in tags.values("href") if "/previews/" in link]
    assert len(links) == 2
    assert all(Path("results", BATCH, urllib.parse.unquote(link)).read_bytes() == b"full" for link in links)


def test_the_gallery_is_bounded_and_has_every_instrument(store):
    names = [f"j{n:07d}q" for n in range(200)] + ["ldem01acq"]
    save(store, *map(made_up, names))
    for name in names:
        add_preview(store, name, f"{name}_flt")
    found = details_of(store).previews
    assert MOST_PICTURES - 2 <= len(found) <= MOST_PICTURES
    assert {preview.instrument for preview in found} == {"acs", "cos"}
    assert found[0].ipppssoot < "j0000010q"
    assert found[-2].ipppssoot > "j0000190q"


def test_a_store_that_fails_meanwhile_leaves_the_page(store, monkeypatch):
    save(store, made_up("ldem01acq"), made_up("ldem01bdq", Outcome.TIMEOUT))

    def lost(*arguments):
        raise StoreError("away")

    found = collect(Batch(store, BATCH), {})
    monkeypatch.setattr(FolderStore, "get_end", lost)
    monkeypatch.setattr(FolderStore, "entries", lost)
    assert "1 of 2 datasets succeeded" in report_page.render(found, Path("page.html"), PageOptions(""))


def test_points_are_where_they_belong():
    svg = plot([Point("even", 10, 10), Point("less", 100, 5), Point("short", 5, 100, short=True)], AXIS, "said")
    found = re.findall(r'<circle class="(\w+)" cx="([\d.]+)" cy="([\d.]+)" r="3"><title>(\w+)', svg)
    places = {name: (kind, float(x), float(y)) for kind, x, y, name in found}
    assert [places[name][0] for name in ("even", "less", "short")] == ["fits", "fits", "short"]
    x0, y0, x1, y1 = map(float, re.search(r'class="same" d="M(\S+) (\S+)L(\S+) (\S+)"', svg).groups())

    def above_line(x, y):
        return y0 + (x - x0) * (y1 - y0) / (x1 - x0) - y

    assert above_line(*places["even"][1:]) == pytest.approx(0, abs=0.1)
    assert above_line(*places["less"][1:]) < -20
    assert above_line(*places["short"][1:]) > 20
    assert all(x0 <= x <= x1 and y1 <= y <= y0 for _, x, y in places.values())


def test_many_points_become_squares_that_count_them_all():
    points = [Point("x", 10 ** (n % 7 / 3), 10 ** (n % 5 / 4)) for n in range(50_000)]
    svg = plot(points, AXIS, "said")
    assert len(svg) < 10_000
    assert "<circle" not in svg
    # 7 x 5 places
    assert sum(path.count("z") for path in re.findall(r'class="fits" opacity="[\d.]+" d="([^"]+)"', svg)) == 35
    assert "<title>" not in plot(points[:MOST_DOTS], AXIS, "said")


@pytest.mark.parametrize("value", [1e-9, 0.5, 1.0, 999.0, 1e12])
def test_one_point_anywhere_can_be_drawn(value):
    svg = plot([Point("x", value, value)], AXIS, "<said>")
    assert "nan" not in svg
    assert 'aria-label="&lt;said&gt;"' in svg


def test_planned_against_used(store):
    row = {"memory_mib": 4096, "max_seconds": 1000}
    tries = [earlier("out_of_memory", 2048), earlier("timeout", 4096)]
    save(
        store, *(made_up(f"ldem{n:04d}q", plan_row=row, peak_memory_mib=1024, wall_seconds=100.0) for n in range(11))
    )
    save(store, made_up("ldem01acq", plan_row=row, peak_memory_mib=3000, wall_seconds=700.0, earlier=tries))
    save(store, made_up("ldem01bdq", Outcome.BAD_INPUT, plan_row=row, peak_memory_mib=4000))
    memory, time = planned_use(collect(Batch(store, BATCH), {}))
    assert memory.use.caption == "Median use: 25 % of the plan. 1 (8.3 %) above plan, at most 2 times the plan."
    assert time.use.caption == "Median use: 10 % of the plan. 1 (8.3 %) above plan, at most 1.4 times the plan."
    assert (memory.use.datasets, memory.use.up_to_half, memory.use.up_to_plan, memory.use.above_plan) == (
        12,
        11,
        0,
        1,
    )
    text = page()
    assert text.count('class="plot"') == 2
    assert '<td class="above">1 (8.3 %)</td><td>200 %</td>' in text
    # the plan is what the first try was given
    assert next(point for point in memory.points if point.short) == ("ldem01acq", 2048, 4096, True)
    assert next(point for point in time.points if point.short) == ("ldem01acq", 500, 700.0, True)
    assert "ldem01bdq" not in {point.name for point in memory.points}


def test_a_batch_without_a_plan_has_no_pictures(store):
    save(store, made_up("ldem01acq", plan_row=None))
    assert planned_use(collect(Batch(store, BATCH), {})) == []
    text = page()
    assert 'class="plot"' not in text
    assert "#plan" not in text


def test_attempts_by_their_number(store):
    save(store, made_up("ldem01acq"), made_up("ldem01tnq", Outcome.TIMEOUT))
    save(store, made_up("ldem01010", earlier=[earlier("out_of_memory"), earlier("surprise", 2048)]))
    found = summarize_attempts(collect(Batch(store, BATCH), {}).rows)
    assert [(one.tried, one.outcomes) for one in found.by_number] == [
        (3, {"succeeded": 1, "timeout": 1, "out_of_memory": 1}),
        (1, {"unknown": 1}),
        (1, {"succeeded": 1}),
    ]
    assert found.outcomes == ["succeeded", "out_of_memory", "timeout", "unknown"]
    assert [row.ipppssoot for row in found.again] == ["ldem01010"]
    assert attempts_text(found.again[0]) == (
        "out_of_memory with 1024 MiB (0:01:40) → surprise with 2048 MiB (0:01:40) → succeeded with 2048 MiB (0:03:01)"
    )
    assert "1 of 3 datasets were tried more than once" in page()


def test_provenance(store):
    flat, bias = (
        {"type": kind, "name": f"{kind}.fits", "digest": "", "digest_from": "none"} for kind in ("flat", "bias")
    )
    known = {"type": "dark", "name": "dark.fits", "digest": "sha1:1234", "digest_from": "crds"}
    markers = made_up("ldem01acq", references=[flat, bias]), made_up("ldem01pkq", references=[flat, known])
    save(store, *markers, made_up("ldem01tnq", host="node08", versions={"calcos": "3.7"}))
    Path("plan.out").write_text(plan_line("ldem01acq") + "\n" + plan_line("ldem01tnq"))
    digest = hashlib.sha256(Path("plan.out").read_bytes()).hexdigest()
    config = {"batch": BATCH, "inputs": ["s3://bucket", "mast:"], "crds_server_url": "https://me:secret@crds"}
    text = page("--plan", "plan.out", f"--config-json={json.dumps(config)}")
    assert f"2 rows by instrument (2)<br>SHA-256 <code>{digest}</code>" in text
    assert "3.6.2 (2), 3.7 (1)" in text
    assert "<dt>reference files</dt><dd>3, digests from CRDS (1), nowhere (not checked) (2)</dd>" in text
    assert "2026-03-14 09:12:07 to 2026-03-14 09:15:08 UTC, on 2 machines" in text
    assert "<code>inputs: s3://bucket, mast:</code>" in text
    assert "crds_server_url: https://crds" in text
    assert "secret" not in text
    assert "config-json" not in text


@pytest.mark.parametrize("text", ["{", "[]", "3"])
def test_a_configuration_that_is_none_is_one_line(store, capsys, text):
    save(store, made_up("ldem01acq"))
    assert run(f"--config-json={text}") == 2
    assert capsys.readouterr().err.startswith("error: --config-json is not")


def test_configuration_values_are_plain():
    assert configuration('{"a": null, "b": true, "c": [1, "x"], "d": {"e": "f"}}') == {
        "a": "null", "b": "true", "c": "1, x", "d": '{"e": "f"}'
    }  # fmt: skip


def test_a_larger_batch_lists_what_did_not_succeed_first(store, monkeypatch):
    monkeypatch.setattr(dataset_table, "MOST_LISTED", 5)
    save(store, *(made_up(f"ldem{n:04d}q") for n in range(20)), made_up("ldem99bdq", Outcome.BAD_INPUT))
    text = page()
    listed = re.findall(r"<th scope=row>(\w+)", text)
    assert listed == ["ldem99bdq"]
    assert "1 of 21: those that did not succeed; <code>hstdputils report --csv FILE</code> writes all" in text
    assert '1 of 21: those that did not succeed. <a href="all.csv">All are in the table as CSV</a>' in page(
        "--csv", f"results/{BATCH}/all.csv"
    )


def test_a_batch_that_has_not_begun(store):
    Path("plan.out").write_text(plan_line("ldem01acq"))
    text = page("--plan", "plan.out")
    assert "0 of 1 dataset succeeded; 1 has not run." in text
    assert "Slowest" not in text
    assert "<svg" not in text


@pytest.mark.slow
def test_a_page_with_all_its_parts_stays_small(store):
    picture = thumbnail()
    line = b"2026-01-02T00:00:00.000Z calcos       | one of the many lines that a program prints\n"
    kinds = [*([Outcome.SUCCEEDED] * 18), Outcome.OUT_OF_MEMORY, Outcome.CALIBRATION_ERROR]
    row = {"max_seconds": 3600, "vcpus": 1, "cost_usd": 0.01}
    for n in range(10_000):
        name, outcome = f"{'ijlo'[n % 4]}{n:07d}q", kinds[n % 20]
        values = {"plan_row": row | {"memory_mib": 512 << n % 5}, "peak_memory_mib": 100 + n, "wall_seconds": n / 7}
        marker = made_up(name, outcome, **values, earlier=[earlier("timeout")] * (n % 50 == 0))
        path = Path("results", marker_key(BATCH, name, succeeded=outcome is Outcome.SUCCEEDED))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(marker.to_json())
        if n % 5 == 0 or outcome is not Outcome.SUCCEEDED:
            store.put_bytes(200 * line, f"{BATCH}/{name}/process.log")
            add_preview(store, name, f"{name}_flt", picture)
    text = page()
    assert len(text) < 5_000_000
    tags = [tag for tag, _ in Tags(text).found]
    assert tags.count("svg") == 3 + 3
    assert 20 <= tags.count("img") <= MOST_PICTURES
    assert 60 <= tags.count("pre") <= 70
    assert len(re.findall(r"<th scope=row>", text)) == 10_000


def test_files_for_programs(store, capsys):
    save(store, made_up("ldem01acq", reason="=cmd|' /C calc'!A0", plan_row={"memory_mib": 512, "max_seconds": 60}))
    save(store, made_up("ldem01bdq", Outcome.TIMEOUT, reason='a "reason", with\nall', earlier=[earlier("timeout")]))
    assert run("--no-html", "--json", "some/report.json", "--csv", "some/report.csv") == 0
    record = json.loads(Path("some/report.json").read_text())
    assert record["states"] == {"succeeded": 1, "timeout": 1}
    assert record["by_instrument"] == {"cos": {"succeeded": 1, "timeout": 1}}
    assert [one["ipppssoot"] for one in record["datasets"]] == ["ldem01acq", "ldem01bdq"]
    assert record["datasets"][0]["planned_seconds"] == 60
    assert [one["outcome"] for one in record["datasets"][1]["tries"]] == ["timeout", "timeout"]
    assert record["attempts"][1]["tried"] == 1
    with Path("some/report.csv").open(newline="") as file:
        first, second = csv.DictReader(file)
    # a spreadsheet would run it
    assert first["reason"] == "'=cmd|' /C calc'!A0"
    assert (second["reason"], second["state"]) == ('a "reason", with all', "timeout")
    assert float(first["wall_seconds"]) == 181.4
    Path("file").write_text("")
    capsys.readouterr()
    assert run("--no-html", "--csv", "file/report.csv") == 2
    assert capsys.readouterr().err.startswith("error: cannot write the file file/report.csv")


def test_the_command_line_names_all_files(store, capsys):
    with pytest.raises(SystemExit):
        command_line.run(command.main, ["--help"])
    out = capsys.readouterr().out
    assert all(option in out for option in ("--json FILE", "--csv FILE", "--config-json JSON"))
