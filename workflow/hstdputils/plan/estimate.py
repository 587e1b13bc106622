"""What a plan comes to before anything runs: time on the cores there are, downloads, space, and cost on AWS."""

import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import TYPE_CHECKING

from hstdputils.core.instruments import INSTRUMENT_OF, INSTRUMENTS, MOSAIC_NEEDS, Resources
from hstdputils.core.text import size
from hstdputils.model.features import Features
from hstdputils.model.prices import Prices
from hstdputils.records.plan_rows import PlanRow

if TYPE_CHECKING:
    from hstdputils.model.features import Floats


SAMPLE = 5_000
"""Datasets, at least, whose sizes stand for those of a long list."""


CENT = 0.005
"""Least cost that is spoken of, USD."""


FEWEST = 20
"""Datasets of an instrument whose sizes have to be known, where all are not, for those of the others."""


CLUSTERS = (100, 1000)
"""Cores for which the time is given where the rows do not run on this machine."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Cores and memory that rows share."""

    cores: int
    memory_mib: float
    """Memory, MiB."""

    @classmethod
    def here(cls) -> "Machine":
        """Return this machine; its rows get nine tenths of its memory."""
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return cls(len(os.sched_getaffinity(0)), total * 0.9 / 2**20)

    def __str__(self) -> str:
        """Return it for a person."""
        return f"this machine ({_count(self.cores, 'core')}, {self.memory_mib / 1024:.1f} GiB for jobs)"


_EVIDENCE = Resources._fields.index("evidence")
_NUMBERS = [Resources._fields.index(name) for name in ("vcpus", "memory_mib", "max_seconds", "expected_seconds")]


class Estimate:
    """Sums over the rows of a plan.

    Parameters
    ----------
    is_here
        Whether the rows run on this machine, as far as their store tells.
    """

    def __init__(self, *, is_here: bool) -> None:
        self.is_here = is_here
        self.datasets: Counter[str] = Counter()
        self.evidence: Counter[str] = Counter()
        self.usd: dict[str, float] = defaultdict(float)
        self.without_cost = 0
        self.core_seconds = self.longest = self._memory_seconds = 0.0
        self._mb = 0.0
        self._n_sized = self._n_remote = 0

    def add(self, names: Sequence[str], needs: Sequence[Resources], costs: Sequence[float]) -> None:
        """Add rows that have just been planned, with what each is expected to cost, USD."""
        import numpy as np

        letters = np.frombuffer("".join(map(itemgetter(0), names)).encode(), np.uint8)
        of_letter, usd = np.bincount(letters), np.bincount(letters, weights=costs)
        for letter in np.flatnonzero(of_letter).tolist():
            instrument = INSTRUMENT_OF[chr(letter)]
            self.datasets[instrument] += int(of_letter[letter])
            self.usd[instrument] += float(usd[letter])
        self.evidence.update(map(itemgetter(_EVIDENCE), needs))
        self.without_cost += costs.count(0.0)
        vcpus, memory, limits, expected = (
            np.fromiter(map(itemgetter(column), needs), float, len(needs)) for column in _NUMBERS
        )
        self._add_times(np.where(expected > 0, expected, limits / 2), vcpus, memory)

    def add_rows(self, rows: Sequence[PlanRow]) -> None:
        """Add rows of a plan that has been read."""
        import numpy as np

        self.datasets.update(row.instrument for row in rows)
        columns = [(row.expected_seconds, row.vcpus, row.memory_mib) for row in rows]
        self._add_times(*np.array(columns, float).reshape(-1, 3).T)

    def _add_times(self, seconds: "Floats", vcpus: "Floats", memory_mib: "Floats") -> None:
        import numpy as np

        machine = self.machine
        self.core_seconds += float((seconds * np.minimum(vcpus, machine.cores)).sum())
        self._memory_seconds += float((seconds * np.minimum(memory_mib, machine.memory_mib)).sum())
        self.longest = max(self.longest, float(seconds.max(initial=0.0)))

    def add_sizes(
        self, names: Sequence[str], features: Mapping[str, Features], local: Mapping[str, Features]
    ) -> None:
        """Add datasets whose raw files are to be downloaded: all but those that were found in folders."""
        remote = [name for name in names if name not in local] if local else names
        self._n_remote += len(remote)
        counts: Counter[str] = Counter()
        for letter, number in Counter(map(itemgetter(0), remote)).items():
            counts[INSTRUMENT_OF[letter]] += number
        sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0])
        for name in remote[:: max(1, len(remote) // SAMPLE)]:
            if name in features and (mb := features[name].total_mb) >= 0:
                found = sums[INSTRUMENT_OF[name[0]]]
                found[0] += mb
                found[1] += 1
        for instrument, (mb, n) in sums.items():
            if n < min(FEWEST, counts[instrument]):
                continue
            self._mb += mb / n * counts[instrument]
            self._n_sized += counts[instrument]

    @cached_property
    def machine(self) -> Machine:
        """Return the machine on which the rows run, or one without bounds where that is not known."""
        return Machine.here() if self.is_here else Machine(2**20, 2.0**40)

    def seconds_on(self, machine: Machine) -> float:
        """Return the time that the rows take together, longest first, s: the least that there can be, nearly."""
        return max(self.core_seconds / machine.cores, self._memory_seconds / machine.memory_mib, self.longest)

    def summary(self) -> str:
        """Return one line: how many datasets, of which instruments, how long they take, what their sizes rest on."""
        parts = ", ".join(f"{name} {n:,}" for name, n in sorted(self.datasets.items()))
        evidence = ", ".join(f"{name} {n:,}" for name, n in self.evidence.most_common())
        return f"{_count(self.datasets.total(), 'dataset')} ({parts}): {self.time()}; sizes rest on {evidence}"

    def time(self) -> str:
        """Return how long they take together."""
        hours = f", {self.core_seconds / 3600:,.0f} core hours" if self.core_seconds >= 3600 else ""
        hours += f", the longest {about(self.longest)}" if self.datasets.total() > 1 else ""
        if self.is_here:
            return f"about {about(self.seconds_on(self.machine))} on {self.machine}{hours}"
        clusters = [n for n in CLUSTERS if self.core_seconds / n > self.longest] or CLUSTERS[:1]
        times = [f"{about(max(self.core_seconds / n, self.longest))} on {n:,} cores" for n in clusters]
        return f"about {', '.join(times)}{hours}"

    def space(self) -> str:
        """Return one line: what is downloaded, as far as it is known, and what work folders take at once."""
        unknown = self._n_remote - self._n_sized
        if not self._n_remote:
            downloads = "references"
        elif not self._n_sized:
            downloads = f"the raw files of {_count(self._n_remote, 'dataset')}, and references"
        else:
            without = f" (without {unknown:,} whose size is not known)" if unknown else ""
            downloads = f"about {size(1e6 * self._mb)} of raw files{without}, and references"
        return f"to download: {downloads}; space for work folders: up to {self._work_space()}"

    def _work_space(self) -> str:
        needed = {name: INSTRUMENTS[name].needs if name in INSTRUMENTS else MOSAIC_NEEDS for name in self.datasets}
        if not self.is_here:
            return f"{size(1e9 * max((one.work_gb for one in needed.values()), default=0.0))} a job"
        left, gb = self.machine.cores, 0.0
        for name in sorted(needed, key=lambda name: -needed[name].work_gb):
            n = min(left, self.datasets[name])
            gb, left = gb + n * needed[name].work_gb, left - n
        return f"{size(1e9 * gb)} at once"

    def cost(self, prices: Prices, *, is_chosen: bool) -> Iterator[str]:
        """Yield what is to be said of the cost on AWS.

        Parameters
        ----------
        prices
            The prices.
        is_chosen
            Whether a user has named them: they are spoken of then, wherever the rows run.
        """
        total = sum(self.usd.values())
        if total < CENT or (self.is_here and not is_chosen and total < 1):
            return
        parts = "; ".join(f"{name} USD {self.usd[name]:,.2f}" for name in sorted(self.usd) if self.usd[name] >= CENT)
        yield f"{'on AWS it would cost' if self.is_here else 'cost:'} about USD {total:,.2f} ({prices}): {parts}"
        if self.without_cost:
            yield f"the cost of {self.without_cost:,} of them is not known, since no run of their kind is on record"
        if (not self.is_here or is_chosen) and (old := prices.age_note()):
            yield old


def runs_here(output: str, engine: str | None = None) -> bool:
    """Tell whether rows run on this machine: by the engine, else by their store."""
    if not engine:
        return not output.lower().startswith("s3://")
    from hstdputils.core.config import LOCAL  # which imports pydantic, a tenth of a plan's time

    return engine == LOCAL


def about(seconds: float) -> str:
    """Return a time as a person would say it, such as ``40 s``, ``25 min``, ``7.5 h`` or ``12 days``."""
    for unit, factor, least in (("days", 86_400, 3 * 86_400), ("h", 3600, 5400), ("min", 60, 90)):
        if seconds >= least:
            n = seconds / factor
            return f"{n:,.0f} {unit}" if n >= 20 or unit == "min" else f"{n:,.1f} {unit}"
    return f"{seconds:.0f} s"


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}{'s' if n != 1 else ''}"
