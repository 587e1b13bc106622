"""What an engine is asked for, what it makes of that before anything is submitted, and what became of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hstdputils.engines.submissions import PlannedJob
from hstdputils.records.plan_rows import PlanRow


@dataclass(frozen=True, slots=True)
class Settings:
    """How jobs are submitted; engines derive their own from this."""

    queue: str | None = None
    """Where jobs go; none for where the batch's latest jobs went, or the engine's default."""
    arguments: tuple[str, ...] | None = None
    """Further arguments for ``hstdp-process``; none for those of the batch's latest jobs."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """What a call of `Engine.submit` did."""

    rows: int
    """Rows submitted now."""
    calls: int
    """Jobs made for them, an array of many rows counting once."""
    adopted: int
    """Jobs that an earlier submission, which was cut off, had made without recording them."""
    earlier: int
    """Rows left alone, since an earlier submission had them."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What an engine makes of the rows of a submission, before it is recorded."""

    queue: str
    """Where the jobs go."""
    jobs: list[PlannedJob]
    """The jobs."""
    slices: Mapping[str, Sequence[PlanRow]]
    """The rows of the jobs, by the names of the slices in which the jobs find them."""
    definition: str = ""
    """The ARN of a job definition; empty for engines that have none."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What later submissions of the batch are to do the same way."""
