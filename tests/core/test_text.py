"""Numbers and times as all commands show them."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest

from hstdputils.core.text import clock, duration, iso_time, size, usd, utc

TIME = datetime(2026, 1, 31, 23, 59, 59, 999_900, UTC)


@pytest.mark.parametrize(
    ("seconds", "short", "long"),
    [
        (0, "0.0 s", "0:00:00"),
        (4.44, "4.4 s", "0:00:04"),
        (59.96, "0:01:00", "0:01:00"),
        (3661, "1:01:01", "1:01:01"),
        (360_000, "100:00:00", "100:00:00"),
    ],
)
def test_durations(seconds, short, long):
    assert (duration(seconds), clock(seconds)) == (short, long)


def test_sizes_and_amounts():
    assert [size(number) for number in (0, 1.25e6, 2e9, 3.04e12)] == ["0.0 MB", "1.2 MB", "2.0 GB", "3.0 TB"]
    amounts = [usd(number) for number in (0, 0.00004, 0.00006, 0.5, 1.5, 1234.5, 12345.6)]
    assert amounts == ["0.0000", "<0.0001", "0.0001", "0.5000", "1.50", "1,234.50", "12,346"]


def test_iso_times_are_utc_and_cut_off():
    assert iso_time(TIME) == "2026-01-31T23:59:59.999+00:00"
    assert iso_time(TIME.astimezone(timezone(timedelta(hours=-5)))) == iso_time(TIME)
    assert iso_time(TIME.timestamp()) == iso_time(TIME)
    assert iso_time(TIME, "seconds", "Z") == "2026-01-31T23:59:59Z"
    assert iso_time(0, "seconds") == "1970-01-01T00:00:00+00:00"


def test_the_iso_time_of_now():
    before = datetime.now(UTC)
    assert before - timedelta(seconds=1) < datetime.fromisoformat(iso_time()) <= datetime.now(UTC)
    assert re.fullmatch(r"[\d-]{10}T[\d:]{8}\+00:00", iso_time(timespec="seconds"))


def test_iso_times_are_shown_as_utc():
    assert utc("2026-01-31T18:59:59.9-05:00") == utc(iso_time(TIME)) == "2026-01-31 23:59:59"
    assert utc("") == ""
    assert utc("soon") == "soon"
