"""The best references of many headers under one context, as CRDS itself selects them, from its cache alone."""

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from hstdputils.core.errors import ExitCode, UserError
from hstdputils.references.bestrefs import load_crds
from hstdputils.references.rules import DATE_KEYWORDS, NOT_APPLICABLE, NOT_FOUND, Steps, TypeRules

NONE = "N/A"
"""What stands for a type of which no reference is needed, or none matches, as CRDS writes it into headers."""


_NOT_NEEDED = frozenset({"NOT FOUND N/A", "NOT FOUND NO MATCH FOUND."})
"""Answers, upper case, for which CRDS writes N/A. Source: ``BestrefsScript.handle_na_and_not_found``."""


_ISO = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{6})?")


@lru_cache(maxsize=100_000)
def condition(value: str) -> str:
    """Return a header's value as rules have it."""
    return str(load_crds().core.utils.condition_value(value))


def rule_date(day: str, time: str) -> str | None:
    """Return DATE-OBS and TIME-OBS as rules are compared with them, or none where CRDS cannot read them."""
    text = f"{day} {time}"
    try:
        if _ISO.fullmatch(text):
            return datetime.fromisoformat(text).isoformat(" ")
        day, time = condition(day), condition(time)
        if "UNDEFINED" in (day, time):
            return None
        return str(load_crds().core.timestamp.reformat_date(f"{day} {time}".strip()))
    except Exception:  # CRDS raises what its parsers raise
        return None


_Configuration = tuple[dict[str, str | None], list[tuple[str, Steps]], list[str]]
"""Answers by type: the same at all dates, by date, and those types for which CRDS has to be asked."""


class InstrumentRules:
    """The rules of one instrument under one context."""

    def __init__(self, imap: Any) -> None:
        self._imap = imap
        self.keywords = tuple(sorted({*map(str.upper, imap.get_required_parkeys()), "INSTRUME"}))
        """All keywords that its references are selected by, upper case."""
        self.types = tuple(sorted(imap.selections.keys()))
        """Its types of references, lower case."""
        self._undated = tuple(name for name in self.keywords if name not in DATE_KEYWORDS)
        self._rules: dict[str, TypeRules | str | None] = {}
        self._configurations: dict[Any, _Configuration] = {}

    def of(self, kind: str) -> TypeRules | str | None:
        """Return the rules for one type, or its only answer: none where it is not there, or omitted."""
        if kind not in self._rules:
            errors = load_crds().core.exceptions
            try:
                self._rules[kind] = TypeRules(self._imap.get_rmap(kind), self.keywords)
            except errors.IrrelevantReferenceTypeError:
                self._rules[kind] = NOT_APPLICABLE
            except (errors.OmitReferenceTypeError, errors.CrdsUnknownReftypeError):
                self._rules[kind] = None
        return self._rules[kind]

    def best(self, header: Mapping[str, str]) -> dict[str, str]:
        """Return CRDS's answers for a header by type of reference, those omitted left out."""
        date = rule_date(*(header.get(name, "UNDEFINED") for name in DATE_KEYWORDS))
        if date is None:
            conditioned = self.conditioned(header)
            found = {kind: answer_of(self.of(kind), conditioned, date) for kind in self.types}
        else:
            always, by_date, others = self._configuration(header)
            found = {**always, **{kind: steps.at(date) for kind, steps in by_date}}
            if others:
                conditioned = self.conditioned(header)
                found |= {kind: answer_of(self.of(kind), conditioned, date) for kind in others}
        return {kind: answer for kind, answer in found.items() if answer is not None}

    def _configuration(self, header: Mapping[str, str]) -> _Configuration:
        """Return the answers for a header's keywords at any date, which many headers share."""
        key = tuple(map(header.get, self._undated))
        if key not in self._configurations:
            conditioned = self.conditioned(header)
            always: dict[str, str | None] = {}
            by_date, others = [], []
            for kind in self.types:
                rules = self.of(kind)
                if not isinstance(rules, TypeRules):
                    always[kind] = rules
                elif not rules.has_steps:
                    others.append(kind)
                elif (steps := rules.steps(conditioned)).dates:
                    by_date.append((kind, steps))
                else:
                    always[kind] = steps.names[0]
            self._configurations[key] = always, by_date, others
        return self._configurations[key]

    def conditioned(self, header: Mapping[str, str]) -> dict[str, str]:
        """Return all keywords of the instrument as rules have them."""
        return {name: condition(header[name]) if name in header else "UNDEFINED" for name in self.keywords}


class ContextRules:
    """The rules of one context, read from the cache alone."""

    def __init__(self, context: str) -> None:
        """Read a context.

        Raises
        ------
        UserError
            The cache does not have the context, whole.
        """
        self.context = context
        self._pmap = _mapping(context)
        self._instruments: dict[str, InstrumentRules] = {}

    def instrument(self, name: str) -> InstrumentRules | None:
        """Return the rules of one instrument, lower case; none where the context has no such instrument."""
        if name not in self._instruments:
            crds = load_crds()
            try:
                imap = self._pmap.get_imap(name)
                self._instruments[name] = InstrumentRules(imap)
            except crds.core.exceptions.CrdsUnknownInstrumentError:
                return None
            except (OSError, crds.CrdsError) as error:
                raise _not_there(self.context) from error
        return self._instruments[name]

    def best(self, header: Mapping[str, str]) -> dict[str, str]:
        """Return CRDS's answers for a header by type of reference, those omitted left out.

        Parameters
        ----------
        header
            Values by keyword, upper case, as text; ``INSTRUME`` among them.

        Raises
        ------
        ValueError
            The context does not know the instrument.
        """
        rules = self.instrument(header.get("INSTRUME", "").strip().lower())
        if rules is None:
            raise ValueError(f"{self.context} has no instrument {header.get('INSTRUME', '')!r}")
        return rules.best(header)

    def types_that_read(self, instrument: str, keywords: Collection[str]) -> list[str]:
        """Return the types whose reference one of these keywords may decide."""
        rules = self.instrument(instrument)
        if rules is None or not keywords:
            return []
        ours = {kind: rules.of(kind) for kind in rules.types}
        return [
            kind for kind, one in ours.items() if isinstance(one, TypeRules) and not one.reads.isdisjoint(keywords)
        ]


def answer_of(rules: TypeRules | str | None, header: Mapping[str, str], date: str | None) -> str | None:
    """Return CRDS's answer of rules, or the one that holds for all headers."""
    return rules.answer(header, date) if isinstance(rules, TypeRules) else rules


def plain(answer: str | None) -> str:
    """Return CRDS's answer as it would be written into a header: a name, N/A, or `NOT_FOUND` with a reason."""
    if not answer or answer.upper() in _NOT_NEEDED or answer.upper() in (NONE, "UNDEFINED", "NONE", "*"):
        return NONE
    return answer if answer.startswith(NOT_FOUND) else answer.lower()


def _mapping(name: str) -> Any:
    crds = load_crds()
    try:
        return crds.rmap.get_cached_mapping(name)
    except (OSError, crds.CrdsError) as error:
        raise _not_there(name) from error


def _not_there(context: str) -> UserError:
    from hstdputils.references.crds_settings import crds_settings

    return UserError(
        f"the CRDS cache {crds_settings().cache} does not have {context}, whole: correct the name, set CRDS_PATH, or "
        f"fetch it with crds sync --contexts {context}",
        ExitCode.REFERENCES,
    )


def names_file(answer: str) -> bool:
    """Tell whether a plain answer is the name of a reference."""
    return answer != NONE and not answer.startswith(NOT_FOUND)
