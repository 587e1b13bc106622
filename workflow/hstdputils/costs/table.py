"""Reading a table of EC2's prices, such as ``config/prices.json``."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from hstdputils.errors import UserError, nearest
from hstdputils.formats import read_json, shown

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
