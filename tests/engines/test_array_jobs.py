"""Array jobs of AWS Batch from rows of several sizes: each row must run with its own."""

from collections import Counter
from itertools import product

import pytest

from hstdputils.engines.aws_batch.submit import LARGEST_ARRAY, group
from hstdputils.records.plan_rows import PlanRow
from tests.stand_ins.aws_batch.site import row

SIZES = {"memory_mib": (2048, 3072), "max_seconds": (1200, 2400), "vcpus": (1, 2)}
"""What the rows of an array have in common, by key of the plan."""


def size(item):
    return item["memory_mib"], item["max_seconds"], item["vcpus"]


def grouped(*rows):
    """Return the datasets of each group."""
    return [[one.ipppssoot for one in found.rows] for found in group([PlanRow(**item) for item in rows])]


def names(rows):
    return [item["ipppssoot"] for item in rows]


@pytest.mark.parametrize("key", SIZES)
def test_rows_that_differ_in_one_size_are_in_two_arrays(key):
    less, more = SIZES[key]
    small, large = [row(n, **{key: less}) for n in (0, 1)], [row(n, **{key: more}) for n in (2, 3)]
    assert grouped(small[0], large[0], small[1], large[1]) == [names(large), names(small)]


def test_the_longer_come_first_then_those_of_more_memory_then_of_more_cores():
    choices = sorted(product(*SIZES.values()), key=lambda choice: (choice[1], choice[0], choice[2]))
    rows = [row(n, **dict(zip(SIZES, choice, strict=True))) for n, choice in enumerate(choices)]
    assert grouped(*rows) == [[name] for name in reversed(names(rows))]


def test_the_longest_come_first_in_an_array_and_among_arrays():
    small = [row(n, expected_seconds=seconds) for n, seconds in enumerate((30, 900, 60))]
    large = [row(n, memory_mib=4096, expected_seconds=100) for n in (3, 4)]
    assert grouped(*large, *small) == [names([small[1], small[2], small[0]]), names(large)]


def test_the_last_row_of_a_full_array_goes_with_others_that_are_alone():
    many, one = [row(n) for n in range(LARGEST_ARRAY + 1)], row(0, instrument="stis")
    groups = grouped(*many, one)
    assert sorted(map(len, groups)) == [2, LARGEST_ARRAY]
    assert Counter(name for found in groups for name in found) == Counter(names([*many, one]))
    assert names([one])[0] in min(groups, key=len)


def test_each_row_is_run_with_its_own_size(site):
    choices = list(product(*SIZES.values()))
    rows = [row(n, **dict(zip(SIZES, choices[n % len(choices)], strict=True))) for n in range(2 * len(choices))]
    site.write(rows)
    assert site.submit().status == 0
    asked = {}
    for job in site.batch.submissions():
        resources = job.spec.resources
        given = int(resources["MEMORY"]), job.spec.timeout["attemptDurationSeconds"], int(resources["VCPU"])
        command = job.spec.command
        asked |= dict.fromkeys(site.slice(command[command.index("--slice") + 1]), given)
    assert asked == {item["ipppssoot"]: size(item) for item in rows}
    assert len(site.batch.submissions()) == len(choices)
