"""What a job costs on AWS, by a dated table of EC2's prices.

AWS Batch packs jobs onto instances, so a job pays for the share of an instance that others cannot use because of it:
the larger of its share of the cores and its share of the memory that the instance has for jobs. Of the instances that
are large enough for the job, the one where this share costs least counts::

    USD an hour = min over instances of (price x max(vcpus / cores, memory_mib / memory for jobs))

Left out are the times in which instances start, stop or have too few jobs, disks, and requests and traffic of S3.
"""

import argparse
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

from hstdputils.core.errors import UserError
from hstdputils.core.formats import read_json, shipped, shown
from hstdputils.core.text import nearest

_MOST_BYTES = 64 * 2**20
"""Bytes of the table; that of all regions has 2 MB."""


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


class _NotThere(Exception):
    """The table is right, but has no such prices."""


def read_table(path: Path, region: str, purchase: str) -> tuple[date, str, tuple[Instance, ...]]:
    """Read the prices of one region.

    Parameters
    ----------
    path
        The table: JSON with ``date``, ``source``, ``usable_memory``, ``instances`` and ``regions``.
    region
        The region of AWS.
    purchase
        ``on_demand`` or ``spot``.

    Returns
    -------
    day, source, instances
        The day of which the prices are, where they are from, and the instances with a price.

    Raises
    ------
    UserError
        The table cannot be read, a value in it is wrong, or it has no such prices.
    """
    try:
        with path.open("rb") as file:
            table = _mapping(read_json(file.read(_MOST_BYTES + 1), _MOST_BYTES), "the table")
        return _date(table.get("date")), str(table.get("source", "")), _instances(table, region, purchase)
    except OSError as error:
        raise UserError(
            f"cannot read the price table {path} ({error.strerror}): name one like config/prices.json"
        ) from error
    except _NotThere as error:
        raise UserError(f"the price table {path} {error}") from None
    except ValueError as error:
        raise UserError(f"the price table {path} is wrong: {_one_line(error)}") from error


def _instances(table: Mapping[str, Any], region: str, purchase: str) -> tuple[Instance, ...]:
    kinds, regions = (_mapping(table.get(key), key) for key in ("instances", "regions"))
    if region not in regions:
        known = sorted(regions)
        raise _NotThere(f"has no region {region!r}, but {', '.join(known)}{nearest(region, known)}")
    for_jobs = _number(table.get("usable_memory", 1.0), "usable_memory")
    if for_jobs > 1:
        raise ValueError(f"usable_memory is a share and at most 1, not {for_jobs}")
    found = []
    for name, prices in _mapping(regions[region], region).items():
        kind = _mapping(kinds.get(name), f"instances: {name}")
        price = _mapping(prices, f"{region}: {name}").get(purchase)
        if price is not None:
            cores, gib = (_number(kind.get(key), f"instances: {name}: {key}") for key in ("vcpus", "memory_gib"))
            if cores < 1:
                raise ValueError(f"instances: {name}: vcpus must be at least 1, not {cores}")
            usd = _number(price, f"{region}: {name}: {purchase}")
            found.append(Instance(name, int(cores), gib * 1024 * for_jobs, usd))
    if not found:
        raise _NotThere(f"has no {purchase} price in {region}")
    return tuple(found)


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict) or not value:
        raise ValueError(f"{where} is missing, or no mapping from names to values")
    return value


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise ValueError(f"{where} must be a number above 0, not {shown(json.dumps(value))}")
    return float(value)


def _date(value: Any) -> date:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError(f"date must be a day such as 2026-01-31, not {shown(json.dumps(value))}") from None


def _one_line(error: ValueError) -> str:
    return shown(error, 200)


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
        # a job too large for each of them pays in proportion, so that the cost of a plan can always be told
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
            raise UserError(f"{purchase!r} is no way to buy instances: choose on_demand or spot")
        day, source, instances = read_table(path, region, purchase)
        return cls(region, purchase, day, source, instances)

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
