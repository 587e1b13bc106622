"""Values of records that were read: each is of the type of its field, or the field and what it must be are named."""

import re
from dataclasses import dataclass, field
from enum import StrEnum

import pytest

from hstdputils.core.formats import BadFormat, checked, shown


class Kind(StrEnum):
    ONE = "one"
    TWO = "two"


@dataclass
class Inner:
    number: int


@dataclass
class Record:
    names: list[str] = field(default_factory=list)
    pair: tuple[str, ...] = ()
    is_done: bool = False
    kind: Kind = Kind.ONE
    count: int | None = None
    sizes: dict[str, int] = field(default_factory=dict)
    inner: Inner | None = None


def test_values_of_the_right_types_are_taken_as_they_are():
    values = {"names": ["a"], "is_done": True, "count": None, "sizes": {"x": 1}}
    given = values | {"pair": ["b", "c"], "kind": "two", "inner": {"number": 5}, "of_a_later_version": 1}
    assert checked(Record, given) == Record(**values, pair=("b", "c"), kind=Kind.TWO, inner=Inner(5))


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("names", "a", "a list"),
        ("names", ["a", 5], "text"),
        ("pair", [None], "text"),
        ("is_done", 1, "true or false"),
        ("kind", "three", "one of one, two"),
        ("count", "5", "a whole number"),
        ("sizes", [], "an object"),
        ("sizes", {"x": "1"}, "a whole number"),
    ],
)
def test_a_value_of_another_type_is_named_with_what_it_must_be(name, value, wanted):
    with pytest.raises(BadFormat, match=f"^{re.escape(f'{name} must be {wanted}, not ')}"):
        checked(Record, {name: value})


def test_a_record_in_a_record_is_checked_too():
    with pytest.raises(BadFormat, match=r"^number must be a whole number, not"):
        checked(Record, {"inner": {"number": "x"}})


@pytest.mark.parametrize(
    ("value", "kind"), [([], "a list"), ("x", "text"), (True, "true or false"), (None, "null"), (5, "a number")]
)
def test_what_is_not_an_object_is_named_by_its_kind(value, kind):
    with pytest.raises(BadFormat, match=f"^it is {kind}, not an object"):
        checked(Record, value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x" * 10, "x" * 10),
        ("x" * 11, "x" * 10 + "…"),
        ("x" + " " * 39, "x"),
        ("x" + " " * 40, "x…"),
        ("a\n\x1b[2J", "a \\x1b[2J"),
    ],
)
def test_values_are_shown_in_one_bounded_line(value, text):
    assert shown(value, 10) == text


def test_a_number_of_thousands_of_digits_is_not_shown():
    assert shown(10**5000) == "a huge value"
