"""Which datasets a change of context affects: yes, no, or not to be told, by the references of their exposures."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from hstdputils.affected.exposures import Exposure, Found
from hstdputils.core.datasets import Dataset
from hstdputils.core.instruments import BY_LETTER
from hstdputils.references.comparison import Change, Comparison
from hstdputils.references.effects import DECIDING, not_calibrated, without_effect
from hstdputils.references.exposure_keywords import SWITCH, TRIMMED
from hstdputils.references.rules import NOT_APPLICABLE, NOT_FOUND
from hstdputils.references.selection import NONE, ContextRules, names_file, plain


class Verdict(StrEnum):
    """What is known of a dataset."""

    AFFECTED = "affected"
    UNAFFECTED = "unaffected"
    UNKNOWN = "cannot tell"


@dataclass(frozen=True, slots=True)
class Effect:
    """One reference of a dataset that is another under the new context."""

    change: Change
    """The type, and both references."""
    why_not: str = ""
    """Why it does not change the products; empty where it may."""


@dataclass(slots=True)
class DatasetChange:
    """What is known of one dataset."""

    ipppssoot: str
    """The dataset."""
    status: Verdict
    """Whether the change affects it."""
    mode: str = ""
    """Instrument, detector and filter or grating of its first exposure."""
    effects: list[Effect] = field(default_factory=list)
    """All references that are others, in the order of their types."""
    reason: str = ""
    """Why it cannot be told; of an affected dataset, why it cannot be processed with the new context."""

    @property
    def changes(self) -> list[Change]:
        """Return the references that may change its products."""
        return [effect.change for effect in self.effects if not effect.why_not]


_NEUTRAL = frozenset({"", "N/A", "CLEAR1L", "CLEAR2L", "CLEAR1S", "CLEAR2S", "NONE"})


def mode_of(header: Mapping[str, str]) -> str:
    """Return instrument, detector and filter or grating of an exposure.

    Examples
    --------
    >>> mode_of({"INSTRUME": "ACS", "DETECTOR": "WFC", "FILTER1": "CLEAR1L", "FILTER2": "F814W"})
    'ACS WFC F814W'
    """
    names = ("INSTRUME", "DETECTOR", "FILTER", "FILTER1", "FILTER2", "OPT_ELEM")
    return " ".join(value for name in names if (value := header.get(name, "").strip()) not in _NEUTRAL)


class Analysis:
    """Tells what a context changes, dataset by dataset."""

    def __init__(
        self,
        old: ContextRules | None,
        new: ContextRules,
        path_of: Callable[[str], Path],
        bad_files: Collection[str] = (),
    ) -> None:
        """Prepare.

        Parameters
        ----------
        old
            The context that the datasets were, or would be, made with; none where what they used says it.
        new
            The context that they would be made with.
        path_of
            Returns where the cache has, or would have, a reference.
        bad_files
            Names of references that CRDS says must not be used.
        """
        self._old, self._new, self._path_of = old, new, path_of
        self._bad_files = bad_files
        self._comparison = Comparison(old, new) if old else None
        self._effects: dict[tuple[object, ...], Effect] = {}

    def results(self, names: Iterable[str], found: Found) -> list[DatasetChange]:
        """Return what is known of datasets, in their order."""
        return [self._result(name, found) for name in names]

    def _result(self, name: str, found: Found) -> DatasetChange:
        if name in found.unknown:
            return DatasetChange(name, Verdict.UNKNOWN, _instrument(name), reason=found.unknown[name])
        exposures = found.exposures.get(name, [])
        mode = mode_of(exposures[0].header) if exposures else _instrument(name)
        effects: dict[Change, Effect] = {}
        reasons: list[str] = []
        if self._comparison is None:
            used = found.used.get(name)
            # a mosaic uses those that correct the distortion, and has the others from its exposures
            kinds = {kind for kind, _ in used} if used and Dataset(name).is_mosaic else None
            self._against_used(used, kinds, exposures, effects, reasons)
        else:
            for exposure in exposures:
                for change in self._changes(exposure, reasons):
                    self._add(effects, change, exposure)
        for change in list(effects):
            if change.new.startswith(NOT_FOUND):
                reasons.append(self._no_reference(change.type, change.new))
                del effects[change]
            elif change.new in self._bad_files:
                reasons.append(f"{self._new.context} names {change.new} for it, which CRDS lists as bad")
        result = DatasetChange(name, Verdict.UNAFFECTED, mode, [effects[one] for one in sorted(effects, key=_order)])
        result.reason = reasons[0] if reasons else ""
        if result.changes:
            result.status = Verdict.AFFECTED
        elif reasons:
            result.status = Verdict.UNKNOWN
        elif not exposures and self._comparison is not None:
            result.status, result.reason = Verdict.UNKNOWN, "it has no exposure"
        return result

    def _changes(self, exposure: Exposure, reasons: list[str]) -> Sequence[Change]:
        assert self._comparison is not None
        try:
            changes = self._comparison.changes(exposure.header)
        except ValueError as error:
            reasons.append(str(error))
            return ()
        types = self._unsure_types(exposure)
        if not types:
            return changes
        what = f"does not say all by which {', '.join(types)} is selected"
        reasons.append(f"{exposure.name} {what}: name the raw files with --inputs")
        return [change for change in changes if change.type not in types]

    def _unsure_types(self, exposure: Exposure) -> list[str]:
        """Return the types that keywords decide whose values in the raw file are not known."""
        instrument = _instrument_of(exposure)
        rules = self._new.instrument(instrument)
        if rules is None or (exposure.is_raw and exposure.recorded is None):
            return []
        unsure = set() if exposure.is_raw else set(TRIMMED)
        if exposure.recorded is not None:
            unsure |= {name for name in rules.keywords if name not in exposure.recorded and not name.endswith(SWITCH)}
        if self._comparison is None:
            types = self._new.types_that_read(instrument, unsure)
        else:
            types = self._comparison.types_that_read(instrument, unsure)
        answers = [one.best(exposure.header) for one in (self._old, self._new) if one] if types else []
        return [kind for kind in types if any(one.get(kind, NOT_APPLICABLE) != NOT_APPLICABLE for one in answers)]

    def _against_used(
        self,
        used: set[tuple[str, str]] | None,
        kinds: set[str] | None,
        exposures: Sequence[Exposure],
        effects: dict[Change, Effect],
        reasons: list[str],
    ) -> None:
        """Compare what was used with what the new context gives, of all exposures of a dataset together."""
        wanted: set[tuple[str, str]] = set()
        failed: set[str] = set()
        for exposure in exposures:
            try:
                answers = self._new.best(exposure.header)
            except ValueError as error:
                reasons.append(str(error))
                return
            unsure = self._unsure_types(exposure)
            for kind, answer in answers.items():
                name = plain(answer)
                if kind in unsure:
                    failed.add(kind)
                elif name.startswith(NOT_FOUND):
                    failed.add(kind)
                    reasons.append(
                        f"{self._new.context} names no {kind} for it: {name.removeprefix(NOT_FOUND).strip()}"
                    )
                elif names_file(name):
                    wanted.add((kind, name))
        if used is not None and not used:
            is_idle = (not_calibrated(_instrument_of(one), one.header) for one in exposures)
            if not all(is_idle):
                reasons.append("its marker names no reference that it used")
            return
        if used is None:
            used = {pair for exposure in exposures for pair in exposure.used.items()}
            if not used:
                reasons.append("its headers name no reference")
                return
        types = {kind for kind, _ in used | wanted if kinds is None or kind in kinds} - failed
        for kind in types:
            before, after = (sorted(name for type_, name in pairs if type_ == kind) for pairs in (used, wanted))
            if before != after and exposures:
                change = Change(kind, ", ".join(before) or NONE, ", ".join(after) or NONE)
                for exposure in exposures:
                    self._add(effects, change, exposure)

    def _no_reference(self, kind: str, answer: str) -> str:
        return f"{self._new.context} names no {kind} for it: {answer.removeprefix(NOT_FOUND).strip()}"

    def _add(self, effects: dict[Change, Effect], change: Change, exposure: Exposure) -> None:
        """Note a change; it has no effect where it has none on any exposure."""
        effect = self._effect(change, exposure)
        known = effects.get(change)
        if known is None or (known.why_not and not effect.why_not):
            effects[change] = effect

    def _effect(self, change: Change, exposure: Exposure) -> Effect:
        instrument = _instrument_of(exposure)
        idle = not_calibrated(instrument, exposure.header)
        key = (change, instrument, idle, *(exposure.header.get(name, "") for name in DECIDING))
        if key not in self._effects:
            files = [self._file(name) for name in (change.old, change.new)]
            why_not = without_effect(instrument, change.type, exposure.header, files[0], files[1])
            self._effects[key] = Effect(change, why_not)
        return self._effects[key]

    def _file(self, name: str) -> Path | None:
        if not names_file(name) or "," in name:
            return None
        path = self._path_of(name)
        return path if path.is_file() else None


def _instrument_of(exposure: Exposure) -> str:
    return exposure.header.get("INSTRUME", "").strip().lower()


def _order(change: Change) -> tuple[str, str, str]:
    return change.type, change.old, change.new


def _instrument(name: str) -> str:
    letter = BY_LETTER.get(name[0]) if "_" not in name and "-" not in name else None
    return letter.name.upper() if letter else name.partition("_")[0].partition("-")[0].upper()
