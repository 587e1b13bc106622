"""Which rules of one type of references match a header: CRDS's `MatchSelector`, with a memory."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from hstdputils.references.bestrefs import load_crds

_NO_MATCH = "No match found."


class Matching:
    """The rules of one mapping, and what is known of values of keywords so far."""

    def __init__(self, selector: Any) -> None:
        self._selector = selector
        self._merged: dict[Any, tuple[tuple[Any, ...], str]] = {}
        self._matches: dict[tuple[int, str], tuple[int, int]] = {}
        self._problems: dict[tuple[str, str], str] = {}

    def candidates(self, header: Mapping[str, str]) -> tuple[tuple[Any, ...], str]:
        """Return what the rules that match lead to, the best match first, and why there is no other."""
        values = tuple(header.get(name, "UNDEFINED") for name in self._selector._parameters)
        found = self._merged.get(values)
        if found is None:
            problem = self._problem(header)
            found = self._merged[values] = ((), problem) if problem else self._match(values)
        return found

    def _problem(self, header: Mapping[str, str]) -> str:
        """Return CRDS's error where a value is not one that the rules know; else nothing."""
        selector = self._selector
        try:
            selector._check_defined(header)
        except load_crds().core.exceptions.ValidationError as error:
            return str(error)
        for name in selector._parameters:
            key = name, header.get(name, "UNDEFINED")
            if key not in self._problems:
                self._problems[key] = ""
                try:
                    selector._validate_value(*key, selector._parkey_map[name])
                except Exception as error:  # a ValidationError, or what float() makes of an odd value
                    self._problems[key] = str(error)
            if self._problems[key]:
                return self._problems[key]
        return ""

    def _match(self, values: Sequence[str]) -> tuple[tuple[Any, ...], str]:
        """Return what matching rules lead to; those of equal weight are merged as CRDS merges them.

        Sets of rules are the bits of numbers. Source: ``MatchSelector.winnowing_match``.
        """
        rules = self._rules
        alive, exact = (1 << len(rules)) - 1, []
        for place, value in enumerate(values):
            pair = self._matches.get((place, value))
            if pair is None:
                status = [matchers[place].match(value) for matchers, _ in rules]
                pair = _bits(one >= 0 for one in status), _bits(one == 1 for one in status)
                self._matches[place, value] = pair
            alive &= pair[0]
            if not alive:
                return (), _NO_MATCH
            exact.append(pair[1])
        groups: dict[int, list[Any]] = {}
        while alive:
            lowest = alive & -alive
            weight = sum(1 for bits in exact if bits & lowest)
            groups.setdefault(weight, []).append(rules[lowest.bit_length() - 1][1])
            alive ^= lowest
        found = []
        for _, choices in sorted(groups.items(), reverse=True):
            if len(choices) == 1:
                found.append(choices[0])
                continue
            if not self._selector._merge_overlaps:
                return tuple(found), "More than one match clause matched."
            try:
                found.append(self._selector.merge_group(tuple(choices)))
            except Exception as error:  # names instead of series of dates cannot be merged
                return tuple(found), str(error)
        return tuple(found), _NO_MATCH

    @cached_property
    def _rules(self) -> list[tuple[Any, Any]]:
        return list(self._selector._match_selections.values())


def _bits(flags: Iterable[bool]) -> int:
    return sum(1 << place for place, flag in enumerate(flags) if flag)
