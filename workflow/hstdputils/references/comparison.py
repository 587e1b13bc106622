"""What changes from one CRDS context to another, for any number of headers."""

from bisect import bisect_right
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from hstdputils.references.rules import DATE_KEYWORDS, NOT_FOUND, Steps, TypeRules
from hstdputils.references.selection import ContextRules, answer_of, condition, names_file, plain, rule_date


@dataclass(frozen=True, slots=True)
class Change:
    """One type of reference whose best reference is another under the second context."""

    type: str
    """The type, lower case."""
    old: str
    """The reference under the first context, N/A, or `NOT_FOUND` with a reason."""
    new: str
    """The reference under the second context, likewise."""


class Comparison:
    """What changes from one context to another for any header."""

    def __init__(self, old: ContextRules, new: ContextRules) -> None:
        self.old, self.new = old, new
        self._differing: dict[str, list[tuple[str, Any, Any]]] = {}
        self._keywords: dict[str, tuple[str, ...]] = {}
        self._configurations: dict[Any, tuple[list[tuple[str, Steps]], list[tuple[str, Any, Any]], Any]] = {}
        self._pairs: dict[tuple[int, int], Steps | None] = {}
        self._kept: list[Any] = []
        self._changes: dict[Any, tuple[Change, ...]] = {}

    def changes(self, header: Mapping[str, str]) -> tuple[Change, ...]:
        """Return what changes for a header; a type without a reference under both contexts does not.

        Raises
        ------
        ValueError
            One of the contexts does not know the instrument.
        """
        instrument = header.get("INSTRUME", "").strip().lower()
        keywords = self._keywords.get(instrument)
        if keywords is None:
            keywords = self._load(instrument)
        key = tuple(map(header.get, keywords))
        found = self._configurations.get(key)
        if found is None:
            found = self._configurations[key] = self._configuration(instrument, header)
        series, others, conditioned = found
        if not series and not others:
            return ()
        day, time = (header.get(name, "UNDEFINED") for name in DATE_KEYWORDS)
        date = rule_date(day, time)
        if date is None:
            return self._asked(header)
        changed: list[Any] = [
            (kind, pair) for kind, steps in series if (pair := steps.names[bisect_right(steps.dates, date)])
        ]
        for kind, old, new in others:
            dated = [
                {**one, DATE_KEYWORDS[0]: condition(day), DATE_KEYWORDS[1]: condition(time)} for one in conditioned
            ]
            changed += _different(kind, answer_of(old, dated[0], date), answer_of(new, dated[1], date))
        return self._named(tuple(changed))

    def types_that_read(self, instrument: str, keywords: Collection[str]) -> list[str]:
        """Return the types with other rules under the second context that one of these keywords may decide."""
        differing = {kind for kind, _, _ in self._differing.get(instrument, ())}
        readers = {kind for one in (self.old, self.new) for kind in one.types_that_read(instrument, keywords)}
        return sorted(differing & readers)

    def _load(self, instrument: str) -> tuple[str, ...]:
        both = [context.instrument(instrument) for context in (self.old, self.new)]
        for context, rules in zip((self.old, self.new), both, strict=True):
            if rules is None:
                raise ValueError(f"{context.context} has no instrument {instrument.upper() or 'without a name'}")
        old, new = both
        assert old is not None
        assert new is not None
        differing = []
        for kind in sorted({*old.types, *new.types}):
            pair = old.of(kind), new.of(kind)
            if not _same_rules(*pair):
                differing.append((kind, *pair))
        self._differing[instrument] = differing
        names = {*old.keywords, *new.keywords} - set(DATE_KEYWORDS)
        self._keywords[instrument] = tuple(sorted(names))
        return self._keywords[instrument]

    def _configuration(self, instrument: str, header: Mapping[str, str]) -> tuple[Any, Any, Any]:
        """Return what changes at some date for these keywords, and the rules for which CRDS has to be asked."""
        old, new = self.old.instrument(instrument), self.new.instrument(instrument)
        assert old is not None
        assert new is not None
        headers = old.conditioned(header), new.conditioned(header)
        series, others = [], []
        for kind, before, after in self._differing[instrument]:
            if _has_steps(before) and _has_steps(after):
                if difference := self._difference(_steps(before, headers[0]), _steps(after, headers[1])):
                    series.append((kind, difference))
            else:
                others.append((kind, before, after))
        return series, others, headers if others else None

    def _difference(self, old: Steps, new: Steps) -> Steps | None:
        """Return pairs of answers by date, none where they agree; none for answers that agree at all dates."""
        key = id(old), id(new)
        if key not in self._pairs:
            self._kept += [old, new]  # their ids are keys
            dates: list[str] = []
            pairs: list[Any] = [_pair(old.names[0], new.names[0])]
            for date in sorted({*old.dates, *new.dates}):
                pair = _pair(old.at(date), new.at(date))
                if pair != pairs[-1]:
                    dates.append(date)
                    pairs.append(pair)
            self._pairs[key] = Steps(dates, pairs) if any(pairs) else None
        return self._pairs[key]

    def _asked(self, header: Mapping[str, str]) -> tuple[Change, ...]:
        """Return what changes for a header without a date that CRDS can read."""
        old, new = self.old.best(header), self.new.best(header)
        pairs = [pair for kind in sorted({*old, *new}) for pair in _different(kind, old.get(kind), new.get(kind))]
        return self._named(tuple(pairs))

    def _named(self, pairs: tuple[Any, ...]) -> tuple[Change, ...]:
        found = self._changes.get(pairs)
        if found is None:
            found = self._changes[pairs] = tuple(Change(kind, *pair) for kind, pair in pairs)
        return found


def _pair(old: str | None, new: str | None) -> tuple[str, str] | None:
    """Return two answers as headers have them; none where they agree, or where neither names a reference.

    That CRDS finds none is worth saying where it did not fail before.
    """
    pair = before, after = plain(old), plain(new)
    if before == after or (before.startswith(NOT_FOUND) and not names_file(after)):
        return None
    return pair


def _different(kind: str, old: str | None, new: str | None) -> list[tuple[str, tuple[str, str]]]:
    pair = _pair(old, new)
    return [(kind, pair)] if pair else []


def _has_steps(rules: TypeRules | str | None) -> bool:
    return not isinstance(rules, TypeRules) or rules.has_steps


_CONSTANT: dict[str | None, Steps] = {}


def _steps(rules: TypeRules | str | None, header: Mapping[str, str]) -> Steps:
    if isinstance(rules, TypeRules):
        return rules.steps(header)
    return _CONSTANT.setdefault(rules, Steps((), (rules,)))


def _same_rules(old: TypeRules | str | None, new: TypeRules | str | None) -> bool:
    """Tell whether two sets of rules are the same: one mapping, or two whose checksums or contents are equal."""
    if not isinstance(old, TypeRules) or not isinstance(new, TypeRules):
        return old is new or old == new
    if old.rmap is new.rmap or old.rmap.header.get("sha1sum", "") == new.rmap.header.get("sha1sum", None):
        return True
    notes = ("name", "derived_from", "sha1sum")
    headers = [{key: one.rmap.header[key] for key in one.rmap.header if key not in notes} for one in (old, new)]
    return headers[0] == headers[1] and str(old.rmap.selector.format()) == str(new.rmap.selector.format())
