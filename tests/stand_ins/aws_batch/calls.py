"""What was asked of the service, and how often."""

import threading
import time
from collections import Counter, defaultdict

from tests.stand_ins.aws_batch.errors import throttled


class Calls:
    """Counts requests by operation, and refuses those that come too fast."""

    def __init__(self) -> None:
        self.limits = {"SubmitJob": 50.0}
        """Requests a second, by operation."""
        self._lock = threading.Lock()
        self._left: dict[str, tuple[float, float]] = {}
        self.clear()

    def clear(self) -> None:
        """Begin to count anew."""
        with self._lock:
            self.received: Counter[str] = Counter()
            """All requests."""
            self.refused: Counter[str] = Counter()
            """Those that were answered with an error, by operation."""
            self.throttled: Counter[str] = Counter()
            """Those that came too fast, or were told so by a fault."""
            self._times: dict[str, list[float]] = defaultdict(list)

    @property
    def total(self) -> int:
        """Return how many requests there were."""
        return sum(self.received.values())

    def receive(self, operation: str) -> None:
        """Count a request."""
        with self._lock:
            self.received[operation] += 1
            self._times[operation].append(time.monotonic())

    def refuse(self, operation: str, is_throttle: bool) -> None:
        """Count an error."""
        with self._lock:
            self.refused[operation] += 1
            self.throttled[operation] += is_throttle

    def admit(self, operation: str) -> None:
        """Raise where an operation is asked for more often than its limit; a second's worth may come at once."""
        limit = self.limits.get(operation)
        if limit is None:
            return
        with self._lock:
            left, seen = self._left.get(operation, (limit, 0.0))
            time_now = time.monotonic()
            left = min(limit, left + (time_now - seen) * limit)
            enough = left >= 1
            self._left[operation] = (left - 1 if enough else left, time_now)
        if not enough:
            raise throttled()

    def peak(self, operation: str) -> int:
        """Return the greatest number of requests within one second."""
        with self._lock:
            times = list(self._times[operation])
        most = first = 0
        for last, moment in enumerate(times):
            while moment - times[first] >= 1:
                first += 1
            most = max(most, last - first + 1)
        return most
