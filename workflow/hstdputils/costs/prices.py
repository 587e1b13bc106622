"""What a job costs on AWS, by a dated table of EC2's prices.

AWS Batch packs jobs onto instances, so a job pays for the share of an instance that others cannot use because of it:
the larger of its share of the cores and its share of the memory that the instance has for jobs. Of the instances that
are large enough for the job, the one where this share costs least counts::

    USD an hour = min over instances of (price x max(vcpus / cores, memory_mib / memory for jobs))

Left out are the times in which instances start, stop or have too few jobs, disks, and requests and traffic of S3.
"""

import argparse
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

from hstdputils.costs.table import Instance, read_table
from hstdputils.errors import UserError
from hstdputils.shipped import shipped

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
