"""The rules for one type of references: CRDS's own, and fast.

CRDS winnows all rules of a type anew for each header. Which of them match depends on keywords other than the date,
and what remains is a series of dates: both are remembered here. Rules, conditions and hooks are CRDS's own.

Source: CRDS 13, ``crds/core/rmap.py`` (`ReferenceMapping`) and ``crds/core/selectors.py`` (`MatchSelector`).
"""

import ast
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter
from types import CodeType
from typing import Any

from hstdputils.references.bestrefs import load_crds
from hstdputils.references.matching import Matching

NOT_FOUND = "NOT FOUND"
"""How CRDS's answer begins where it names no reference; the reason follows."""


DATE_KEYWORDS = ("DATE-OBS", "TIME-OBS")
"""Keywords that say when an exposure began."""


NOT_APPLICABLE = f"{NOT_FOUND} n/a"


_BEFORE_ALL = ("0001-01-01", "00:00:00")


_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?")


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """The answers of CRDS for one type and one set of keywords, by date."""

    dates: Sequence[str]
    """When the answer changes, in order."""
    names: Sequence[str | None]
    """The answers, before the first date and from each date on; none where the type is omitted."""

    def at(self, date: str) -> str | None:
        """Return the answer for a date."""
        return self.names[bisect_right(self.dates, date)]


class TypeRules:
    """The rules for one type of references: CRDS's `ReferenceMapping`, with a memory."""

    def __init__(self, rmap: Any, keywords: Sequence[str]) -> None:
        """Prepare the rules.

        Parameters
        ----------
        rmap
            CRDS's mapping.
        keywords
            All keywords by which its instrument's references are selected.
        """
        self.rmap = rmap
        self._selector = rmap.selector
        self._crds = load_crds()
        selectors = self._crds.core.selectors
        self.has_steps = type(self._selector) is selectors.MatchSelector and not self._reads_dates()
        """Whether `steps` holds for these rules; if not, CRDS is asked for each date."""
        self._turns = sorted({text for hook in self._hooks() for text in _times_of(hook)})
        self.reads = frozenset(self._read_names() & set(keywords))
        """The keywords that may decide an answer, upper case."""
        key = [name for name in sorted(self.reads) if name not in DATE_KEYWORDS]
        self._key: Callable[[Mapping[str, str]], Any] = itemgetter(*key) if key else lambda header: ()
        self._matching = Matching(self._selector)
        self._known: dict[Any, Steps] = {}
        self._asked: dict[Any, str | None] = {}
        self._joined: dict[Any, Steps] = {}

    def answer(self, header: Mapping[str, str], date: str | None) -> str | None:
        """Return CRDS's answer: a name, `NOT_FOUND` with a reason, or none where the type is omitted.

        Parameters
        ----------
        header
            All keywords of the instrument, conditioned.
        date
            The exposure's date as rules have it; none where CRDS cannot read it.
        """
        if date is None or not self.has_steps:
            return self._ask(header, (header[DATE_KEYWORDS[0]], header[DATE_KEYWORDS[1]]))
        return self.steps(header).at(date)

    def steps(self, header: Mapping[str, str]) -> Steps:
        """Return the answers for these keywords at all dates."""
        key = self._key(header)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._make_steps(header)
        return found

    def _ask(self, header: Mapping[str, str], day_and_time: tuple[str, str]) -> str | None:
        """Ask CRDS itself."""
        key = self._key(header), day_and_time
        if key not in self._asked:
            dated = {**header, **dict(zip(DATE_KEYWORDS, day_and_time, strict=True))}
            try:
                self._asked[key] = self.rmap.get_best_ref(dated)
            except Exception as error:  # as CRDS's InstrumentContext.get_best_references
                self._asked[key] = f"{NOT_FOUND} {error}"
        return self._asked[key]

    def _make_steps(self, header: Mapping[str, str]) -> Steps:
        """Return the answers at all dates: for each period between the dates that hooks ask for, and joined."""
        if not self._turns:
            key: Any = self._tried(header)
            if key not in self._joined:
                self._joined[key] = self._piece(*key)
            return self._joined[key]
        parts = []
        for start in (None, *self._turns):
            day, time = _BEFORE_ALL if start is None else start.split(" ", 1)
            parts.append(self._tried({**header, DATE_KEYWORDS[0]: day, DATE_KEYWORDS[1]: time}))
        key = tuple(parts)
        if key not in self._joined:
            self._joined[key] = self._join(parts)
        return self._joined[key]

    def _join(self, parts: Sequence[tuple[Any, str | None]]) -> Steps:
        """Return the answers of one period after another."""
        dates: list[str] = []
        names: list[str | None] = []
        for part, start, end in zip(parts, (None, *self._turns), (*self._turns, None), strict=True):
            piece = self._piece(*part)
            first = bisect_right(piece.dates, start) if start else 0
            last = bisect_left(piece.dates, end) if end else len(piece.dates)
            dates += [*([start] if start else []), *piece.dates[first:last]]
            names += piece.names[first : last + 1]
        return Steps(dates, names)

    def _piece(self, chain: tuple[Any, ...], otherwise: str | None) -> Steps:
        """Return the answers at all dates where these are tried in turn: the first that has begun holds."""
        dates: list[str] = []
        names: list[str | None] = []
        for one in chain:
            if isinstance(one, str):
                return Steps(dates, [self._named(one), *names])
            rules = one._selections
            count = bisect_left([rule.key for rule in rules], dates[0]) if dates else len(rules)
            dates[:0] = [rule.key for rule in rules[:count]]
            names[:0] = [self._named(rule.choice) for rule in rules[:count]]
        return Steps(dates, [otherwise, *names])

    def _tried(self, header: Mapping[str, str]) -> tuple[tuple[Any, ...], str | None]:
        """Return what CRDS tries in turn, which are names or series of dates, and its answer where none has begun.

        Source: ``ReferenceMapping._get_best_ref``.
        """
        rmap, errors = self.rmap, self._crds.core.exceptions
        try:
            if rmap._rmap_omit_expr[0] != "False":
                rmap.check_rmap_omit(header)
            rmap.check_rmap_relevance(header)
        except errors.IrrelevantReferenceTypeError:
            return (), NOT_APPLICABLE
        except errors.OmitReferenceTypeError:
            return (), None
        try:
            own = self._with_irrelevant(rmap._precondition_header(rmap, header))
        except Exception as error:  # a hook found an odd value, and CRDS goes no further
            return (), f"{NOT_FOUND} {error}"
        chain, reason = self._matching.candidates(own)
        if rmap.dnr_check(own) is True:
            return chain, NOT_APPLICABLE
        try:
            if other := rmap._fallback_header(rmap, header):
                more, reason = self._matching.candidates(self._with_irrelevant(rmap.minimize_header(other)))
                chain += more
        except Exception as error:  # likewise
            reason = str(error)
        is_required = rmap._reffile_required in ("YES", "NONE")
        return chain, f"{NOT_FOUND} {reason}" if is_required else NOT_APPLICABLE

    def _with_irrelevant(self, header: Mapping[str, str]) -> Mapping[str, str]:
        """Return a header whose keywords are N/A where the rules' conditions say so."""
        if not self.rmap._parkey_relevance_exprs:
            return header
        changed: dict[str, str] = self.rmap.map_irrelevant_parkeys_to_na(header)
        return changed

    def _named(self, choice: str) -> str | None:
        special = self._crds.core.rmap.MappingSelectionsDict
        if special.is_na_value(choice):
            return NOT_APPLICABLE
        return None if special.is_omit_value(choice) else choice

    def _hooks(self) -> list[Any]:
        return [hook for hook in (self.rmap._precondition_header, self.rmap._fallback_header) if hook]

    def _expressions(self) -> set[str]:
        """Return the names in the conditions of the rules' header, upper case."""
        texts = [self.rmap._rmap_omit_expr[0], self.rmap._rmap_relevance_expr[0]]
        texts += [text for text, _ in self.rmap._parkey_relevance_exprs.values()]
        return {
            node.id.upper()
            for text in texts
            for node in ast.walk(ast.parse(text.strip(), mode="eval"))
            if isinstance(node, ast.Name)
        }

    def _reads_dates(self) -> bool:
        """Tell whether the answers are other than series of dates, so that CRDS has to be asked for each."""
        choices = self._selector.choices()
        selectors = self._crds.core.selectors
        series = [one for one in choices if type(one) is selectors.UseAfterSelector]
        others = [one for one in choices if one not in series and not isinstance(one, str)]
        is_odd = any(not isinstance(rule.choice, str) for one in series for rule in one._selections)
        is_odd = is_odd or any(one._parameters != DATE_KEYWORDS for one in series)
        is_odd = is_odd or any(
            first.key > second.key for one in series for first, second in pairwise(one._selections)
        )
        return bool(others) or is_odd or bool({"DATE", "TIME"} & self._expressions())

    def _read_names(self) -> set[str]:
        """Return all keywords that the rules, their conditions and hooks may read."""
        names = {str(name).upper() for name in self.rmap.get_required_parkeys()} | self._expressions()
        names |= {text for hook in self._hooks() for text in _texts_of(hook)}
        return names | {"DETECTOR", "CCDGAIN"}  # what CRDS's ``dnr_check`` reads


def _texts_of(hook: Any, depth: int = 3) -> set[str]:
    """Return the texts that a function and those that it calls are written with."""
    code: CodeType | None = getattr(hook, "__code__", None)
    if code is None or depth == 0:
        return set()
    texts = {text for text in code.co_consts if isinstance(text, str)}
    texts |= {text for one in code.co_consts if isinstance(one, tuple) for text in one if isinstance(text, str)}
    for name in code.co_names:
        texts |= _texts_of(hook.__globals__.get(name), depth - 1)
    return texts


def _times_of(hook: Any) -> set[str]:
    """Return the dates among the constants that a hook's module has, such as that of SM4."""
    values = getattr(hook, "__globals__", {}) if getattr(hook, "__name__", "") != "<lambda>" else {}
    return {value for value in values.values() if isinstance(value, str) and _TIME.fullmatch(value)}
