"""What a job costs on AWS, by a dated table of EC2's prices.

AWS Batch packs jobs onto instances, so a job pays for the share of an instance that others cannot use because of it:
the larger of its share of the cores and its share of the memory that the instance has for jobs. Of the instances that
are large enough for the job, the one where this share costs least counts::

    USD an hour = min over instances of (price x max(vcpus / cores, memory_mib / memory for jobs))

Left out are the times in which instances start, stop or have too few jobs, disks, and requests and traffic of S3.
"""

import argparse
import contextlib
import json
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, get_args

from annotated_types import Ge, Gt, Le, MinLen

from hstdputils.core.errors import UserError
from hstdputils.core.formats import BadFormat, read_json, shipped, shown
from hstdputils.core.text import nearest

_MOST_BYTES = 64 * 2**20
"""Bytes of the table; that of all regions has 2 MB."""


_STRICT: dict[str, Any] = {"strict": True, "allow_inf_nan": False}


@dataclass(frozen=True, slots=True)
class InstanceType:
    """What an instance has."""

    __pydantic_config__: ClassVar = _STRICT

    vcpus: Annotated[float, Ge(1)]
    """Its cores."""
    memory_gib: Annotated[float, Gt(0)]
    """Its memory, GiB."""


@dataclass(frozen=True, slots=True)
class InstancePrices:
    """What an instance costs, USD an hour; none where it is not sold in that way."""

    __pydantic_config__: ClassVar = _STRICT

    on_demand: Annotated[float, Gt(0)] | None = None
    spot: Annotated[float, Gt(0)] | None = None


@dataclass(frozen=True, slots=True)
class PriceTable:
    """A table of prices, such as ``config/prices.json``; one that a user names is checked against the types."""

    __pydantic_config__: ClassVar = _STRICT

    date: date
    """The day of which the prices are."""
    instances: Annotated[dict[str, InstanceType], MinLen(1)]
    """Instances, by name."""
    regions: Annotated[dict[str, Annotated[dict[str, InstancePrices], MinLen(1)]], MinLen(1)]
    """Prices, by region and instance."""
    source: str = ""
    """Where they are from."""
    usable_memory: Annotated[float, Gt(0), Le(1)] = 1.0
    """Share of an instance's memory that it has for jobs."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One kind of EC2 instance and its price."""

    name: str
    """Its name, such as ``m5.4xlarge``."""
    vcpus: int
    """Its cores."""
    memory_mib: float
    """The memory that it has for jobs, MiB."""
    usd_per_hour: float
    """Its price, USD."""


def read_price_table(path: Path) -> PriceTable:
    """Read a table of prices.

    Raises
    ------
    UserError
        The table cannot be read, or a value in it is wrong.
    """
    try:
        with path.open("rb") as file:
            table = read_json(file.read(_MOST_BYTES + 1), _MOST_BYTES)
    except OSError as error:
        raise UserError(
            f"cannot read the price table {path} ({error.strerror}): name one like config/prices.json"
        ) from error
    except BadFormat as error:
        raise UserError(f"the price table {path} is wrong: {shown(error, 200)}") from error
    if path == shipped("prices.json"):  # the tests check it, and importing pydantic is a tenth of a plan's time
        with contextlib.suppress(LookupError, TypeError, ValueError, AttributeError):  # somebody has edited it
            return _trusted(table)
    return _checked(path, table)


def _trusted(table: Any) -> PriceTable:
    return PriceTable(
        date.fromisoformat(table["date"]),
        {name: InstanceType(kind["vcpus"], kind["memory_gib"]) for name, kind in table["instances"].items()},
        {
            region: {name: InstancePrices(**price) for name, price in prices.items()}
            for region, prices in table["regions"].items()
        },
        table["source"],
        table["usable_memory"],
    )


def _checked(path: Path, table: Any) -> PriceTable:
    from pydantic import TypeAdapter, ValidationError

    try:
        found = TypeAdapter(PriceTable).validate_json(json.dumps(table))
    except ValidationError as error:
        raise UserError(f"the price table {path} is wrong: {_first_error(error.errors()[0])}") from error
    for region, prices in found.regions.items():
        if lost := sorted(prices.keys() - found.instances):
            raise UserError(f"the price table {path} is wrong: instances: {lost[0]} is missing ({region} has it)")
    return found


_WANTED = {
    "missing": "is missing",
    "less_than_equal": "is a share and at most 1",
    "greater_than_equal": "must be at least 1",
    "dict_type": "is missing, or not an object with names",
    "dataclass_type": "is missing, or not an object with names",
    "too_short": "is missing: it is an object without names",
    "string_type": "must be text",
}
"""What is wanted, by pydantic's kind of error; numbers above 0, and dates, have more than one kind."""


def _first_error(error: Any) -> str:
    """Return one of pydantic's errors as one line."""
    kind, place = error["type"], ": ".join(map(str, error["loc"])) or "the table"
    wanted = _WANTED.get(kind) or (
        "must be a day such as 2026-01-31" if "date" in kind else "must be a number above 0"
    )
    value = "" if "missing" in wanted else f", not {json.dumps(error['input'], default=str)}"
    return shown(f"{place} {wanted}{value}", 200)


Purchase = Literal["on_demand", "spot"]
"""How instances are bought."""


REGION, PURCHASE = "us-east-1", "on_demand"
"""What counts unless a user says otherwise: the region of HST's public bucket, and the price that does not change."""


_OLD_DAYS = 366


class _Rates(dict[tuple[int, int], float]):
    """USD a second by memory (MiB) and cores, worked out when first asked for."""

    def __init__(self, instances: tuple[Instance, ...]) -> None:
        super().__init__()
        self._instances = instances

    def __missing__(self, size: tuple[int, int]) -> float:
        memory_mib, vcpus = size
        fitting = [one for one in self._instances if one.vcpus >= vcpus and one.memory_mib >= memory_mib]
        # a job too large for each of them pays in proportion, so that the cost of a plan is always known
        self[size] = rate = min(
            one.usd_per_hour / 3600 * max(vcpus / one.vcpus, memory_mib / one.memory_mib)
            for one in fitting or self._instances
        )
        return rate


@dataclass(frozen=True)
class Prices:
    """The prices of one region of AWS, on demand or spot."""

    region: str
    """The region."""
    purchase: str
    """How the instances are bought: ``on_demand`` or ``spot``."""
    day: date
    """The day of which the prices are."""
    source: str
    """Where they are from."""
    instances: tuple[Instance, ...]
    """The instances among which Batch chooses."""

    @classmethod
    def load(cls, path: Path | None = None, region: str | None = None, purchase: str | None = None) -> "Prices":
        """Read a price table.

        Parameters
        ----------
        path
            The table; none for the one that comes with the project, ``config/prices.json``.
        region
            The region of AWS; none for us-east-1.
        purchase
            ``on_demand`` or ``spot``; none for on demand.

        Raises
        ------
        UserError
            The table cannot be read, a value in it is wrong, or it has no such prices.
        """
        path, region, purchase = path or shipped("prices.json"), region or REGION, purchase or PURCHASE
        if purchase not in get_args(Purchase):
            raise UserError(f"{purchase!r} is not a way to buy instances: choose on_demand or spot")
        table = read_price_table(path)
        if region not in table.regions:
            known = sorted(table.regions)
            raise UserError(
                f"the price table {path} has no region {region!r}, but {', '.join(known)}{nearest(region, known)}"
            )
        priced = [
            (name, table.instances[name], getattr(prices, purchase)) for name, prices in table.regions[region].items()
        ]
        instances = tuple(
            Instance(name, int(kind.vcpus), kind.memory_gib * 1024 * table.usable_memory, usd)
            for name, kind, usd in priced
            if usd is not None
        )
        if not instances:
            raise UserError(f"the price table {path} has no {purchase} price in {region}")
        return cls(region, purchase, table.date, table.source, instances)

    @cached_property
    def rates(self) -> dict[tuple[int, int], float]:
        """Return the USD a second of a job, by its memory (MiB) and cores; any size can be asked for."""
        return _Rates(self.instances)

    def cost_usd(self, memory_mib: int, vcpus: int, seconds: float) -> float:
        """Return what a job costs.

        Parameters
        ----------
        memory_mib
            The memory that it asks for, MiB.
        vcpus
            The cores that it asks for.
        seconds
            Its wall time, s.

        Returns
        -------
        cost
            USD.
        """
        return self.rates[memory_mib, vcpus] * seconds

    def age_note(self, today: date | None = None) -> str:
        """Return one line where the prices are older than a year, else nothing."""
        if ((today or date.today()) - self.day).days < _OLD_DAYS:
            return ""
        return f"the prices are of {self.day}, more than a year ago: name a newer table with --prices"

    def __str__(self) -> str:
        """Return what prices they are."""
        return f"EC2 {self.purchase.replace('_', ' ')} prices of {self.region}, {self.day}"


def add_price_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which prices count; `chosen_prices` reads them."""
    group = parser.add_argument_group("cost on AWS")
    group.add_argument(
        "--prices", type=Path, metavar="FILE", help="another table of prices than the project's config/prices.json"
    )
    group.add_argument("--region", help=f"the region of AWS whose prices count (default: {REGION})")
    group.add_argument(
        "--purchase", choices=get_args(Purchase), help=f"how instances are bought (default: {PURCHASE})"
    )


def chosen_prices(options: argparse.Namespace) -> Prices:
    """Return the prices that the options of `add_price_options` name.

    Raises
    ------
    UserError
        There are no such prices.
    """
    return Prices.load(options.prices, options.region, options.purchase)
