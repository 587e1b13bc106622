import copy
import itertools
import json
import subprocess
import sys
from datetime import date, timedelta

import pytest

from hstdputils.core import command_line
from hstdputils.core.config import Config
from hstdputils.core.errors import UserError
from hstdputils.core.formats import shipped
from hstdputils.model import prices as prices_module
from hstdputils.model.prices import PURCHASE, REGION, Prices
from hstdputils.report import command

TABLE = {
    "date": "2026-03-01",
    "source": "made up",
    "usable_memory": 0.5,
    "instances": {
        "c.small": {"vcpus": 4, "memory_gib": 8},
        "r.small": {"vcpus": 4, "memory_gib": 64},
        "c.large": {"vcpus": 64, "memory_gib": 128},
    },
    "regions": {
        "us-east-1": {
            "c.small": {"on_demand": 0.36, "spot": 0.036},
            "r.small": {"on_demand": 0.72},
            "c.large": {"on_demand": 7.2},
        },
        "eu-central-1": {"c.small": {"on_demand": 0.72}},
    },
}


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a table and returns its path; text is written as it is."""

    def write(table):
        path = tmp_path / "prices.json"
        path.write_bytes(table if isinstance(table, bytes) else json.dumps(table).encode())
        return path

    return write


@pytest.fixture
def prices(write):
    return Prices.load(write(TABLE))


@pytest.mark.parametrize(
    ("memory_mib", "vcpus", "usd_per_hour"),
    [
        (512, 1, 0.09),  # a quarter of c.small by cores, an eighth by memory
        (1024, 1, 0.09),  # a quarter by both
        (2048, 1, 0.18),  # half of c.small by memory; a quarter of r.small by cores costs the same
        (3072, 1, 0.18),  # three quarters of c.small would be 0.27
        (16384, 1, 0.36),  # half of r.small by memory; c.small is too small
        (16384, 8, 1.8),  # eight cores are in c.large alone, a quarter of it by memory
        (65536, 64, 7.2),  # all of c.large
        (131072, 1, 2.88),  # too large for each: as many r.small as hold its memory
    ],
)
def test_a_job_pays_for_its_larger_share_of_the_cheapest_instance(prices, memory_mib, vcpus, usd_per_hour):
    assert prices.cost_usd(memory_mib, vcpus, 3600) == pytest.approx(usd_per_hour)
    assert prices.rates[memory_mib, vcpus] * 7200 == pytest.approx(2 * usd_per_hour)


def test_more_memory_or_cores_never_cost_less():
    prices = Prices.load()
    sizes = range(64, 200_000, 1984)
    costs = [[prices.cost_usd(memory, cores, 1) for memory in sizes] for cores in (1, 2, 4, 16, 96)]
    for row, more in itertools.pairwise(costs):
        assert row == sorted(row)
        assert all(a <= b for a, b in zip(row, more, strict=True))


def test_region_and_purchase_choose_the_price(write):
    path = write(TABLE)
    assert Prices.load(path, "eu-central-1").cost_usd(512, 1, 3600) == pytest.approx(0.18)
    spot = Prices.load(path, purchase="spot")
    assert [one.name for one in spot.instances] == ["c.small"]
    assert spot.cost_usd(512, 1, 3600) == pytest.approx(0.009)
    assert str(spot) == "EC2 spot prices of us-east-1, 2026-03-01"


@pytest.mark.parametrize("region", ["us-east-1", "us-west-2", "eu-central-1"])
def test_the_table_that_comes_with_the_project(region):
    on_demand, spot = (Prices.load(None, region, purchase) for purchase in ("on_demand", "spot"))
    assert len(on_demand.instances) == len(spot.instances) >= 9
    assert {one.name[0] for one in on_demand.instances} == {"c", "m", "r"}
    assert spot.cost_usd(1536, 1, 3600) < on_demand.cost_usd(1536, 1, 3600)
    # one core of a c5 in us-east-1 is 0.0425 USD an hour; nowhere is it less, and no core with 8 GiB is above 0.1
    assert 0.042 < on_demand.cost_usd(1536, 1, 3600) < on_demand.cost_usd(8192, 1, 3600) < 0.1
    assert on_demand.source


def test_the_table_that_comes_with_the_project_passes_the_check(write, monkeypatch):
    shipped_table = prices_module.read_price_table(shipped("prices.json"))
    assert prices_module.read_price_table(write(shipped("prices.json").read_bytes())) == shipped_table
    path = write(_with(None, "instances"))
    monkeypatch.setattr(prices_module, "shipped", lambda _: path)
    with pytest.raises(UserError, match="is wrong: instances is missing"):
        prices_module.read_price_table(path)


def test_pydantic_is_imported_for_a_table_of_the_user_alone(write):
    code = "import sys; from pathlib import Path; from hstdputils.model.prices import Prices; Prices.load({}); "
    for argument, is_imported in (("", False), (f"Path({str(write(TABLE))!r})", True)):
        asked = f"{code.format(argument)} sys.exit('pydantic' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == is_imported


def test_it_has_what_is_the_default():
    table = json.loads(shipped("prices.json").read_text())
    assert PURCHASE in table["regions"][REGION]["m5.4xlarge"]
    assert tuple(Config.model_fields[key].default for key in ("region", "purchase")) == (REGION, PURCHASE)


def test_old_prices_are_told(prices):
    assert prices.age_note(date(2026, 3, 1) + timedelta(365)) == ""
    assert "2026-03-01" in prices.age_note(date(2026, 3, 1) + timedelta(366))
    assert "\n" not in prices.age_note(date(2030, 1, 1))


def _with(value, *keys):
    """Return the table with another value, or without the key where the value is none."""
    table = copy.deepcopy(TABLE)
    inner = table
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    return table


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (b"{", "Expecting property name"),
        (b'"\xe9"', "it is not UTF-8 text"),
        (b"[]", "the table is missing, or not an object with names"),
        (_with("yesterday", "date"), 'date must be a day such as 2026-01-31, not "yesterday"'),
        (_with(None, "date"), "date must be a day"),
        (_with({}, "regions"), "regions is missing"),
        (_with({"on_demand": 1}, "regions", "eu-central-1", "x.small"), "x.small is missing (eu-central-1 has it)"),
        (_with(None, "instances"), "instances is missing"),
        (_with(1.2, "usable_memory"), "usable_memory is a share and at most 1, not 1.2"),
        (
            _with("0.36", "regions", "us-east-1", "c.small", "on_demand"),
            "c.small: on_demand must be a number above 0",
        ),
        (_with(-1, "regions", "us-east-1", "c.small", "on_demand"), "must be a number above 0, not -1"),
        (_with(True, "regions", "us-east-1", "c.small", "on_demand"), "must be a number above 0, not true"),
        (_with(float("nan"), "regions", "us-east-1", "c.small", "on_demand"), "must be a number above 0, not NaN"),
        (_with({"on_demand": 1}, "regions", "us-east-1", "x.small"), "instances: x.small is missing"),
        (_with(0.5, "instances", "c.small", "vcpus"), "c.small: vcpus must be at least 1, not 0.5"),
        (_with(None, "instances", "c.small", "memory_gib"), "c.small: memory_gib must be a number above 0, not null"),
    ],
)
def test_a_wrong_table_is_one_line(write, table, said):
    path = write(table)
    with pytest.raises(UserError) as error:
        Prices.load(path)
    assert str(error.value).startswith(f"the price table {path} is wrong: ")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--prices", "none.json"], "cannot read the price table none.json (No such file or directory)"),
        (["--prices", "."], "cannot read the price table . (Is a directory)"),
        (
            ["--region", "us-east1"],
            "prices.json has no region 'us-east1', but eu-central-1, us-east-1, us-west-2",
        ),
        (["--region", "us-east1"], "; did you mean 'us-east-1'?"),
    ],
)
def test_prices_that_are_not_there_are_one_line(tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    assert command_line.run(command.main, ["results", "demo", *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert said in error
    assert error.count("\n") == 1


def test_a_purchase_without_a_price_is_one_line(write):
    path = write(TABLE)
    with pytest.raises(UserError, match=r"prices\.json has no spot price in eu-central-1"):
        Prices.load(path, "eu-central-1", "spot")
    with pytest.raises(UserError, match="'reserved' is not a way to buy instances"):
        Prices.load(path, purchase="reserved")
