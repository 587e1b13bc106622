"""The page as a real browser shows it: search, filters and order, what is there without scripts, widths, printing."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from hstdputils.core.outcomes import Outcome
from hstdputils.records.batch import Batch
from hstdputils.report.collect import collect
from hstdputils.report.page import PageOptions, write_page
from hstdputils.store.folder import FolderStore
from tests.report.made_up_batch import write_batch
from tests.report.test_report import BATCH, made_up, save

pytestmark = pytest.mark.engine("Chromium")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync --dump-dom "
    "--disable-background-networking --disable-component-update --allow-file-access-from-files"
)
FRAME = """<iframe id="f" width="{width}" height="900" src="{page}" {more}></iframe><script>
onload = () => {{
  const frame = document.getElementById("f"), d = frame.contentDocument, w = frame.contentWindow;
  const rows = () => Array.from(d.querySelectorAll("#all tbody tr")).filter((row) => !row.hidden);
  const names = () => rows().map((row) => row.cells[0].textContent);
  const set = (name, value) => {{
    const form = d.getElementById("find");
    form[name].value = value;
    form.dispatchEvent(new Event("input"));
  }};
  const sort = (heading) => Array.from(d.querySelectorAll("#all thead button"))
    .find((button) => button.textContent === heading).click();
  let found;
  try {{ found = (() => {{ {script} }})(); }} catch (error) {{ found = {{ error: String(error) }}; }}
  document.body.innerHTML = "<pre></pre>";
  document.querySelector("pre").textContent = "found:" + JSON.stringify(found) + ":found";
}};
</script>"""


@pytest.fixture
def browse(tmp_path, monkeypatch):
    """Return what runs a script beside a page, which is in a frame of some width, and gives its value."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if not browser:
        pytest.skip("no Chromium on PATH")
    monkeypatch.chdir(tmp_path)

    def run(script, width=1280, more="", page="page.html"):
        frame = tmp_path / "frame.html"
        frame.write_text(FRAME.format(script=script, width=width, more=more, page=page))
        argv = [browser, *FLAGS.split(), f"--user-data-dir={tmp_path / 'browser'}", frame.as_uri()]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=True)
        return json.loads(html.unescape(re.search("found:(.*):found", done.stdout, re.DOTALL)[1]))

    return run


def make_page(n, **options):
    """Write the page of a made-up batch of so many datasets, and return its report."""
    write_batch(Path(), n, **options)
    report = collect(Batch(FolderStore("store"), BATCH), {})
    write_page(report, Path("page.html"), PageOptions("hstdputils report store/demo"))
    return report


def test_search_filters_and_order(browse):
    report = make_page(120, failing=0.2)
    failed = [row for row in report.rows if row.failed]
    name, bad = report.rows[17].ipppssoot, [row for row in failed if row.state == Outcome.BAD_INPUT]
    assert bad
    found = browse(f"""
        const all = names(), said = d.getElementById("shown").textContent;
        set("words", "{name.upper()}"); const one = names();
        set("words", "truncated BLOCKS"); const words = names();
        set("words", "no such thing"); const none = [names().length, d.getElementById("shown").textContent];
        set("words", ""); set("outcome", "bad_input"); const outcome = names();
        set("instrument", "acs"); const both = names();
        set("instrument", ""); set("outcome", "");
        sort("wall time"); const slowest = names();
        sort("wall time"); const quickest = names();
        sort("dataset"); const byName = names();
        sort("memory, MiB"); const largest = names()[0];
        const state = Array.from(d.querySelectorAll("[aria-sort]")).map((head) => [head.textContent, head.ariaSort]);
        d.querySelector("a[data-family]").click();
        const family = [d.getElementById("find").family.value, names().length];
        return {{all, said, one, words, none, outcome, both, slowest, quickest, byName, largest, state, family}};
    """)
    assert found["all"] == [row.ipppssoot for row in report.rows]
    assert found["said"] == "120 of 120 rows"
    assert found["one"] == [name]
    assert set(found["words"]) == set(found["outcome"]) == {row.ipppssoot for row in bad}
    assert found["none"] == [0, "0 of 120 rows"]
    assert set(found["both"]) == {row.ipppssoot for row in bad if row.instrument == "acs"}
    by_time = sorted(report.rows, key=lambda row: row.wall_seconds)
    assert [found["quickest"][0], found["slowest"][0]] == [by_time[0].ipppssoot, by_time[-1].ipppssoot]
    assert sorted(found["slowest"]) == found["byName"] == found["all"]
    assert found["largest"] == max(report.rows, key=lambda row: row.peak_memory_mib).ipppssoot
    assert found["state"] == [["memory, MiB", "descending"]]
    assert found["family"] == ["0", len(report.failures[0].rows)]


def test_long_tables_are_shown_in_parts(browse):
    make_page(700)
    found = browse("""
        const first = rows().length, said = d.getElementById("shown").textContent;
        d.getElementById("more").click();
        return {first, said, then: rows().length, more: d.getElementById("more").hidden};
    """)
    assert found == {"first": 500, "said": "first 500 of 700 rows", "then": 700, "more": True}


def test_without_scripts_all_rows_are_there_and_nothing_is_dead(browse):
    make_page(700)
    found = browse(
        """
        const form = d.getElementById("find");
        return {
          rows: rows().length, form: w.getComputedStyle(form).display,
          buttons: Array.from(d.querySelectorAll("button")).filter((one) => one.offsetParent !== null).length,
        };
        """,
        more='sandbox="allow-same-origin"',
    )
    assert found == {"rows": 700, "form": "none", "buttons": 0}


def test_only_the_script_of_the_page_may_run(browse):
    make_page(5)
    found = browse("""
        const script = d.createElement("script");
        script.textContent = "window.evil = 1";
        d.body.append(script);
        d.body.insertAdjacentHTML("beforeend", '<p id=styled style="color: red" onclick="evil = 2">x</p>');
        const styled = d.getElementById("styled");
        styled.click();
        return {evil: w.evil ?? null, color: w.getComputedStyle(styled).color, own: !d.getElementById("find").hidden};
    """)
    assert (found["evil"], found["own"]) == (None, True)
    assert found["color"] != "rgb(255, 0, 0)"


@pytest.mark.parametrize(("n", "hosts"), [(3, 1), (300, 1), (2500, 40)])
def test_no_page_is_wider_than_a_phone(browse, n, hosts):
    make_page(n, hosts=hosts, failing=0.1)
    found = browse(
        """
        d.querySelectorAll("details").forEach((one) => { one.open = true; });
        const small = Array.from(d.querySelectorAll("text, span, td, p, dd"))
          .filter((one) => one.getBoundingClientRect().height > 0)
          .map((one) => one.getBoundingClientRect().height / one.clientHeight);
        return {wide: d.documentElement.scrollWidth, text: d.documentElement.innerText.length};
        """,
        width=400,
    )
    assert found["wide"] <= 400
    assert found["text"] > 500


@pytest.mark.slow
def test_words_of_an_axis_do_not_overlap(browse):
    make_page(2500, hosts=40)
    for width in (400, 1280):
        overlaps = browse(
            """
            const found = [];
            for (const svg of d.querySelectorAll("svg.plot, svg.lanes")) {
              const boxes = Array.from(svg.querySelectorAll("text")).map((one) => [one, one.getBoundingClientRect()]);
              boxes.forEach(([one, a], k) => boxes.slice(k + 1).forEach(([other, b]) => {
                if (a.left < b.right && b.left < a.right && a.top + 2 < b.bottom && b.top + 2 < a.bottom) {
                  found.push([one.textContent, other.textContent]);
                }
              }));
            }
            return found;
            """,
            width=width,
        )
        assert overlaps == []


def test_a_link_opens_what_is_folded_away(browse):
    report = make_page(120, failing=0.3)
    group = max(report.failures, key=lambda group: len(group.rows))
    name = group.rows[-1].ipppssoot
    found = browse(
        f"""
        const target = d.getElementById("{name}");
        return {{open: target.closest("details").open, tall: target.getBoundingClientRect().height > 20}};
        """,
        page=f"page.html#{name}",
    )
    assert found == {"open": True, "tall": True}


def test_words_of_failures_are_on_the_page(browse):
    store = FolderStore("results")
    save(store, made_up("ldem01acq"), made_up("ldem01tnq", peak_memory_mib=1700))
    save(store, made_up("ldem01bdq", Outcome.NO_REFERENCES), made_up("jdem01bdq", Outcome.TIMEOUT, reason="x" * 400))
    write_page(collect(Batch(store, BATCH), {}), Path("page.html"), PageOptions(""))
    found = browse("return {text: d.documentElement.innerText, wide: d.documentElement.scrollWidth};", width=360)
    for word in ("succeeded", "no_references", "timeout", "ldem01bdq", "1700 / 2048"):
        assert word in found["text"]
    assert found["wide"] <= 360
