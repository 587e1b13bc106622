"""Markers are made in one place, whoever writes them."""

import re
from datetime import UTC, datetime
from pathlib import Path

import hstdputils
from hstdputils.core.errors import ExitCode
from hstdputils.core.outcomes import Outcome
from hstdputils.records.marker import Marker

BEGUN = datetime(2026, 1, 31, 23, 59, 59, 500_000, UTC)


def new(earlier: Marker | None = None, **more: object) -> Marker:
    return Marker.new(
        *("b", "ldem01acq", Outcome.TIMEOUT, ExitCode.TIME, "slow"),
        **{"earlier": earlier, "plan_row": {"memory_mib": 512}, "start": BEGUN, "end": BEGUN.timestamp() + 2} | more,
    )


def test_what_is_not_known_of_an_attempt_is_left_out():
    assert new() == Marker(
        ipppssoot="ldem01acq",
        batch="b",
        outcome=Outcome.TIMEOUT,
        exit_code=35,
        reason="slow",
        family="timeout.slow",
        attempt=1,
        plan_row={"memory_mib": 512},
        crds_context="",
        versions={},
        host="",
        start="2026-01-31T23:59:59.500+00:00",
        end="2026-02-01T00:00:01.500+00:00",
        wall_seconds=2.0,
        cpu_seconds=0.0,
        peak_memory_mib=0,
        bytes_in=0,
        bytes_out=0,
        n_products=0,
        manifest_sha256="",
    )


def test_the_next_attempt_carries_those_before_it():
    first = new(peak_memory_mib=400, cpu_seconds=1.5, wall_seconds=1.7512)
    second = new(first)
    third = new(second)
    assert [marker.attempt for marker in (first, second, third)] == [1, 2, 3]
    assert third.earlier == second.as_earlier()
    assert second.earlier == [
        {
            "attempt": 1,
            "outcome": "timeout",
            "reason": "slow",
            "wall_seconds": 1.751,
            "cpu_seconds": 1.5,
            "peak_memory_mib": 400,
            "memory_mib": 512,
            "end": "2026-02-01T00:00:01.500+00:00",
        }
    ]


def test_every_marker_is_read_as_it_was_written():
    known = {"warnings": ["w"], "references": [{"name": "x.fits"}], "reference_keywords": {"DETECTOR": ["FUV"]}}
    marker = new(new(), job="7", versions={"calcos": "3.6.2"}, host="here", **known)
    assert Marker.from_json(marker.to_json()) == marker
    assert {name: getattr(marker, name) for name in known} == known


def test_one_that_cannot_be_read_says_so():
    marker = Marker.unreadable("b", "ldem01acq", "it is empty")
    assert (marker.outcome, marker.attempt, marker.reason) == (Outcome.UNKNOWN, 0, "it is empty")
    assert (marker.exit_code, marker.start, marker.end, marker.wall_seconds) == (1, "", "", 0.0)


def test_only_the_marker_itself_knows_all_its_fields():
    package = Path(hstdputils.__file__).parent
    made = re.compile(r"(?<![\w.])Marker\(")
    assert [path.name for path in package.rglob("*.py") if made.search(path.read_text())] == []
