"""Totals of a plan, as they are said when it is written."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from operator import itemgetter

from hstdputils.costs.prices import Prices
from hstdputils.model import Resources
from hstdputils.plans.rows import INSTRUMENT_OF

_EVIDENCE = Resources._fields.index("evidence")


class Totals:
    """Datasets and costs by instrument, and datasets by evidence."""

    def __init__(self) -> None:
        self.datasets: Counter[str] = Counter()
        self.evidence: Counter[str] = Counter()
        self.usd: dict[str, float] = defaultdict(float)
        self.without_cost = 0

    def add(self, names: Sequence[str], needs: Sequence[Resources], costs: Sequence[float]) -> None:
        """Add rows, with what each is expected to cost, USD."""
        import numpy as np

        letters = np.frombuffer("".join(map(itemgetter(0), names)).encode(), np.uint8)
        of_letter, usd = np.bincount(letters), np.bincount(letters, weights=costs)
        for letter in np.flatnonzero(of_letter).tolist():
            instrument = INSTRUMENT_OF[chr(letter)]
            self.datasets[instrument] += int(of_letter[letter])
            self.usd[instrument] += float(usd[letter])
        self.evidence.update(map(itemgetter(_EVIDENCE), needs))
        self.without_cost += costs.count(0.0)

    def line(self, prices: Prices) -> str:
        """Return one line that says it all."""
        parts = [f"{name} {n:,} USD {self.usd[name]:,.2f}" for name, n in sorted(self.datasets.items())]
        total = f"{self.datasets.total():,} datasets, USD {sum(self.usd.values()):,.2f}"
        evidence = ", ".join(f"{name} {n:,}" for name, n in self.evidence.most_common())
        return f"{total} ({prices}): {'; '.join(parts)}; sizes rest on {evidence}"

    def notes(self, prices: Prices) -> Iterator[str]:
        """Yield what there is to say about the costs."""
        if self.without_cost:
            yield f"the cost of {self.without_cost:,} of them is not known, since no run of their kind is on record"
        if old := prices.age_note():
            yield old
