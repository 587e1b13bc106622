import json
import os
import re
from pathlib import Path

import pytest

from hstdputils.core import command_line
from hstdputils.core import text as wording
from hstdputils.core.outcomes import Outcome
from hstdputils.engines.submissions import Submission
from hstdputils.model.prices import Prices
from hstdputils.records.batch import Batch
from hstdputils.report import command
from hstdputils.report.collect import collect
from hstdputils.report.costs import costs_by_instrument
from hstdputils.store.folder import FolderStore
from hstdputils.workflow_run.run import Run
from tests.report.test_report import BATCH, made_up, page, plan_line, run, save, total

# a dollar an hour for a core with up to 10,240 MiB, and in proportion above
TABLE = {
    "date": "2020-01-31",
    "source": "made up",
    "instances": {"one": {"vcpus": 8, "memory_gib": 80}},
    "regions": {"us-east-1": {"one": {"on_demand": 8, "spot": 2}}},
}


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("prices.json").write_text(json.dumps(TABLE))
    return FolderStore("results")


def row(memory_mib=2048, cost_usd=0.5, **values):
    return {"memory_mib": memory_mib, "vcpus": 1, "cost_usd": cost_usd} | values


def costs_of(store, plan=None):
    report = collect(Batch(store, BATCH), plan or {}, Prices.load(Path("prices.json")))
    return {item.instrument: item for item in costs_by_instrument(report.rows)}, report


def test_all_tries_are_paid_for(store):
    earlier = [
        {
            "attempt": 1,
            "outcome": "out_of_memory",
            "memory_mib": 1024,
            "wall_seconds": 900.0,
            "peak_memory_mib": 1024,
        },
        {"attempt": 2, "outcome": "host_lost", "memory_mib": 2048, "wall_seconds": 450.0, "peak_memory_mib": 100},
    ]
    save(
        store,
        made_up(
            "ldem01acq", attempt=3, wall_seconds=1800.0, peak_memory_mib=1600, plan_row=row(2048), earlier=earlier
        ),
    )
    costs, report = costs_of(store)
    assert report.rows[0].cost_usd == pytest.approx((900 + 450 + 1800) / 3600)
    assert costs["cos"].planned_usd == 0.5
    # the lost host is paid for, and no fault of the plan
    assert costs["cos"].memory_ratio == pytest.approx((1024 * 900 + 2048 * 1800) / (1600 * 1800))
    assert (costs["cos"].out_of_memory, costs["cos"].timeout, costs["cos"].tried) == (1, 0, 1)


def test_cost_goes_by_memory_and_cores(store):
    save(store, made_up("ldem01acq", wall_seconds=3600.0, plan_row=row(20_480)))
    save(store, made_up("ldem01bdq", wall_seconds=3600.0, plan_row=row(20_480, vcpus=4)))
    _, report = costs_of(store)
    assert [one.cost_usd for one in report.rows] == pytest.approx([2.0, 4.0])


def test_failures_are_paid_for_and_say_nothing_about_memory(store):
    save(store, made_up("ldem01acq", wall_seconds=3600.0, peak_memory_mib=1024, plan_row=row(2048)))
    save(store, made_up("ldem01bdq", Outcome.BAD_INPUT, wall_seconds=3600.0, peak_memory_mib=10, plan_row=row(2048)))
    save(store, made_up("ldem01tnq", Outcome.TIMEOUT, wall_seconds=1800.0, plan_row=row(2048)))
    costs, _ = costs_of(store)
    assert costs["cos"].used_usd == pytest.approx(2.5)
    assert costs["cos"].memory_ratio == pytest.approx(2.0)
    assert (costs["cos"].tried, costs["cos"].timeout) == (3, 1)


def test_a_dataset_that_was_done_again_counts_each_time(store):
    earlier = [{"outcome": "succeeded", "memory_mib": 4096, "wall_seconds": 100.0, "peak_memory_mib": 1024}]
    save(
        store,
        made_up("ldem01acq", earlier=earlier, wall_seconds=100.0, peak_memory_mib=1024, plan_row=row(2048)),
    )
    costs, _ = costs_of(store)
    assert costs["cos"].memory_ratio == pytest.approx(3.0)


def test_by_instrument_and_all(store, capsys):
    save(store, made_up("ldem01acq", wall_seconds=3600.0, peak_memory_mib=1024, plan_row=row(2048)))
    save(store, made_up("jdem01acq", wall_seconds=7200.0, peak_memory_mib=4096, plan_row=row(5120, 1.5)))
    lines = [json.loads(plan_line(name)) | {"cost_usd": 0.25} for name in ("ldem01zzq", "ldem01yyq", "ldem01acq")]
    Path("plan.out").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    text = page("--prices", "prices.json", "--plan", "plan.out")
    out = capsys.readouterr().out
    assert total(out, "cost on AWS") == "$3.00"
    assert total(out, "memory ratio") == "1.33"
    assert total(out, "USD on AWS").split() == ("tried planned used pending mem. ratio over memory over time".split())
    assert total(out, "acs").split() == ["1", "1.50", "2.00", "-", "1.25", "0.0", "%", "0.0", "%"]
    assert total(out, "cos").split() == ["1", "0.5000", "1.00", "0.5000", "2.00", "0.0", "%", "100.0", "%"]
    assert total(out, "all").split() == ["2", "2.00", "3.00", "0.5000", "1.33", "0.0", "%", "50.0", "%"]
    assert "EC2 on demand prices of us-east-1, 2020-01-31" in out
    assert "more than a year ago" in out
    cells = re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", text[text.index("Cost and memory</h2>") :])
    assert cells[8:16] == ["acs", "1", "1.50", "2.00", "-", "1.25", "0.0 %", "0.0 %"]
    assert cells[24:32] == ["all", "2", "2.00", "3.00", "0.5000", "1.33", "0.0 %", "50.0 %"]
    assert "<td class=n>2.00" in text
    assert "EC2 on demand prices of us-east-1, 2020-01-31" in text


def test_what_used_more_than_planned_counts_whether_it_was_killed_or_not(store, capsys):
    for number in range(42):
        peak = 1280 if number < 4 else 256
        save(store, made_up(f"ldem01{number:02}q", wall_seconds=60.0, peak_memory_mib=peak, plan_row=row(512)))
    text = page("--prices", "prices.json")
    out = capsys.readouterr().out
    # 512, then 1024, then 2048 MiB for those with 1280
    bill = (38 * 512 + 4 * (512 + 1024 + 2048)) / (38 * 256 + 4 * 1280)
    assert total(out, "memory ratio") == f"{bill:.2f}"
    assert total(out, "cos").split()[-4:] == ["9.5", "%", "0.0", "%"]
    assert "4 (9.5 %) above plan, at most 2.5 times the plan." in text
    assert "None ran out" not in text
    costs, _ = costs_of(store)
    assert (costs["cos"].out_of_memory, costs["cos"].over_memory) == (0, 4)


def test_what_took_longer_than_planned_counts_too(store):
    save(store, made_up("ldem01acq", wall_seconds=7200.0, plan_row=row() | {"max_seconds": 3600}))
    save(store, made_up("ldem01bdq", wall_seconds=60.0, plan_row=row() | {"max_seconds": 3600}))
    costs, _ = costs_of(store)
    assert (costs["cos"].timeout, costs["cos"].over_time) == (0, 1)


def test_spot_costs_less(store, capsys):
    save(store, made_up("ldem01acq", wall_seconds=3600.0, plan_row=row()))
    assert run("--prices", "prices.json", "--purchase", "spot", "--no-html") == 0
    out = capsys.readouterr().out
    assert total(out, "cost on AWS") == "$0.2500"
    assert "EC2 spot prices of us-east-1" in out


def recorded(**settings):
    return Submission(1, "t", "q", "d", [], settings=settings).to_json()


def test_a_batch_that_was_bought_on_spot_is_priced_so(store, capsys):
    save(store, made_up("ldem01acq", wall_seconds=3600.0, plan_row=row()))
    store.put_bytes(recorded(region="us-east-1", purchase="spot"), f"{BATCH}/jobs/0001/wave.json")
    assert run("--prices", "prices.json", "--no-html") == 0
    out = capsys.readouterr().out
    assert total(out, "cost on AWS") == "$0.2500"
    assert "EC2 spot prices of us-east-1" in out
    assert run("--prices", "prices.json", "--no-html", "--purchase", "on_demand") == 0
    assert total(capsys.readouterr().out, "cost on AWS") == "$1.00"


@pytest.mark.parametrize(
    "record", [b"[", recorded(), recorded(region=1, purchase=["spot"]), recorded(purchase="gift")]
)
def test_a_batch_that_does_not_say_how_it_was_bought_is_priced_as_usual(store, capsys, record):
    save(store, made_up("ldem01acq", wall_seconds=3600.0, plan_row=row()))
    store.put_bytes(record, f"{BATCH}/jobs/0001/wave.json")
    assert run("--prices", "prices.json", "--no-html") == 0
    assert total(capsys.readouterr().out, "cost on AWS") == "$1.00"


def test_runs_without_a_plan_have_no_cost(store, capsys):
    save(store, made_up("ldem01acq", plan_row=None), made_up("ldem01bdq", wall_seconds=3600.0, plan_row=row()))
    assert run("--prices", "prices.json", "--no-html") == 0
    out = capsys.readouterr().out
    assert total(out, "cost on AWS") == "$1.00"
    assert "Not in it: 1 of 2 datasets, which ran without a plan." in out
    assert "The plan says a cost for 1 of 2 datasets that were tried." in out


def test_nothing_known_at_all(store, capsys):
    save(store, made_up("ldem01acq", plan_row=None))
    text = page()
    out = capsys.readouterr().out
    assert total(out, "cost on AWS") == "unknown"
    assert total(out, "memory ratio") == "-"
    assert "$0.00" not in text + out


@pytest.mark.parametrize("value", [None, "much", float("nan"), -1, True, {}])
def test_odd_values_in_markers_cost_nothing_and_break_nothing(store, value):
    earlier = [{"outcome": "timeout", "memory_mib": 1024, "wall_seconds": value, "peak_memory_mib": value}]
    save(
        store,
        made_up("ldem01acq", wall_seconds=3600.0, earlier=earlier, plan_row=row(vcpus=value, cost_usd=value)),
    )
    _, report = costs_of(store)
    assert report.rows[0].state == "succeeded"
    assert report.rows[0].cost_usd == pytest.approx(1.0)
    assert report.rows[0].planned_cost_usd is None


def test_the_table_fits_80_columns(store, capsys, monkeypatch):
    save(store, *(made_up(f"ldem{n:04d}q", wall_seconds=1e6, plan_row=row(20_480, 999.0)) for n in range(20)))
    save(store, made_up("jdem01acq", plan_row=row()))
    assert run("--prices", "prices.json", "--no-html") == 0
    lines = capsys.readouterr().out.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("USD on AWS"))
    assert total("\n".join(lines), "cos").split()[1:3] == ["19,980", "11,111"]
    assert max(map(len, lines[start : start + 4])) <= 80


def test_the_workflow_passes_its_prices_on(store, monkeypatch):
    monkeypatch.setenv("PATH", os.environ["PATH"])  # which a run adds to
    save(store, made_up("ldem01acq", wall_seconds=3600.0, plan_row=row()))
    settings = {"ids": "my.ids", "batch": BATCH, "prices": "prices.json", "purchase": "spot"}
    assert command_line.run(command.main, Run(settings).arguments.report) == 0
    assert "$0.2500" in Path("results", BATCH, "report.html").read_text()
    assert {"--prices=prices.json", "--purchase=spot"} <= set(Run(settings).arguments.plan)
    assert Run({"ids": "my.ids", "batch": BATCH}).arguments.report[-1] == f"results/{BATCH}"


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0.0000"),
        (0.00001, "<0.0001"),
        (0.0043, "0.0043"),
        (0.99996, "1.0000"),
        (1234.5, "1,234.50"),
        (98765.4, "98,765"),
    ],
)
def test_usd(amount, text):
    assert wording.usd(amount) == text
