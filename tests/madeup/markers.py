"""Made-up markers: how an attempt ended, with values that nothing has measured."""

from typing import Any

from hstdputils.core.outcomes import Outcome
from hstdputils.records.marker import Marker


def made_up_marker(ipppssoot: str = "ldfd01vlq", outcome: Outcome = Outcome.SUCCEEDED, **values: Any) -> Marker:
    """Return the marker of an attempt of a minute; ``values`` are fields that a test is about."""
    succeeded = outcome is Outcome.SUCCEEDED
    usual = {
        "batch": "b",
        "exit_code": int(outcome.exit_code),
        "reason": "" if succeeded else "calcos: made up",
        "attempt": 1,
        "plan_row": {"memory_mib": 2048},
        "crds_context": "hst_0729.pmap",
        "versions": {"calcos": "3.6.2"},
        "host": "here",
        "start": "2026-01-01T00:00:00.000+00:00",
        "end": "2026-01-01T00:01:00.000+00:00",
        "wall_seconds": 60.0,
        "cpu_seconds": 55.5,
        "peak_memory_mib": 300,
        "bytes_in": 1,
        "bytes_out": 2,
        "n_products": 3,
        "manifest_sha256": "",
    }
    return Marker(ipppssoot=ipppssoot, outcome=outcome, **usual | values)
