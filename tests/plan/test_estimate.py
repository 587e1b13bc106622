"""What a plan comes to: time on the cores there are, downloads and space, as a person would say it."""

import pytest

from hstdputils.core.instruments import Resources
from hstdputils.model.features import Features
from hstdputils.plan.estimate import Estimate, Machine, about, runs_here


def estimate(rows, machine=None):
    found = Estimate(is_here=machine is not None)
    if machine:
        found.machine = machine
    names = [f"{letter}zzz01{number:02}q" for number, (letter, *_) in enumerate(rows)]
    needs = [Resources(vcpus, memory, limit, "features", 1, expected) for _, vcpus, memory, limit, expected in rows]
    found.add(names, needs, [0.0] * len(rows))
    return found


@pytest.mark.parametrize(
    ("rows", "seconds"),
    [
        ([("l", 1, 1000, 5400, 600.0)] * 4, 1200),
        ([("l", 1, 1000, 5400, 600.0)] * 3 + [("i", 1, 1000, 43_200, 9000.0)], 9000),
        ([("i", 1, 6000, 43_200, 600.0)] * 4, 1800),
        ([("i", 4, 1000, 43_200, 600.0)] * 4, 2400),
        ([("j", 1, 99_000, 43_200, 0.0)] * 2, 43_200),
    ],
    ids=[
        "cores",
        "the longest",
        "memory",
        "more cores than there are",
        "no run on record, more memory than there is",
    ],
)
def test_time_is_bounded_by_cores_memory_and_the_longest(rows, seconds):
    machine = Machine(2, 8000)
    assert estimate(rows, machine).seconds_on(machine) == pytest.approx(seconds)


def test_lines_for_a_machine():
    found = estimate([("l", 1, 1000, 5400, 600.0)] * 3 + [("j", 1, 4000, 43_200, 9000.0)], Machine(2, 8192))
    found.add_sizes(["lzzz0100q", "jzzz0103q", "jzzz0104q"], {"lzzz0100q": Features(2, 9)}, {"jzzz0103q": Features()})
    assert found.summary() == (
        "4 datasets (acs 1, cos 3): about 2.5 h on this machine (2 cores, 8.0 GiB for jobs), 3 core hours, "
        "the longest 2.5 h; sizes rest on features 4"
    )
    assert found.space() == (
        "to download: about 9.0 MB of raw files (without 1 whose size is not known), and references; "
        "space for work folders: up to 4.0 GB at once"
    )


def test_lines_for_a_cluster():
    found = estimate([("l", 1, 1000, 5400, 600.0)] * 1000)
    assert found.time() == "about 1.7 h on 100 cores, 167 core hours, the longest 10 min"
    assert found.space() == "to download: references; space for work folders: up to 1.0 GB a job"


def test_sizes_of_a_few_say_nothing_of_thousands():
    names = [f"lzzz{number:03}0q" for number in range(1000)]
    for n_known, says in ((19, "the raw files of 1,000 datasets, and"), (20, "about 9.0 GB of raw files, and")):
        found = Estimate(is_here=True)
        found.add_sizes(names, {name: Features(2, 9) for name in names[:n_known]}, {})
        assert f"to download: {says} references" in found.space()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(40, "40 s"), (600, "10 min"), (5399, "90 min"), (27_000, "7.5 h"), (200_000, "56 h"), (1_036_800, "12.0 days")],
)
def test_times_as_a_person_says_them(seconds, text):
    assert about(seconds) == text


def test_where_rows_run():
    assert [runs_here(output) for output in ("none", "results", "s3://b", "S3://b")] == [True, True, False, False]
    assert runs_here("s3://b", "local")
    assert not runs_here("results", "htcondor")
