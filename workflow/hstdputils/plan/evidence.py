"""What is known of the datasets of a plan beside their names: features and their own finished runs."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import TYPE_CHECKING, Literal

from hstdputils.core.errors import ExitCode, StoreError, UserError
from hstdputils.core.instruments import BY_LETTER
from hstdputils.core.outcomes import AttemptFailed
from hstdputils.core.text import one_line, without_passwords
from hstdputils.model.features import Features, Measured

if TYPE_CHECKING:
    from hstdputils.inputs.source import Source


ReadHeaders = Literal["auto", "always", "folders", "never"]
"""Which sources are asked for the headers of raw files."""


ANSWER_SECONDS, REACH_SECONDS = 4.0, 8.0
"""How long a source may take to answer, and to be found and to answer, before the plan is made without it, s."""


SHOWN = 5
"""Datasets without features that are named, a line each."""


@dataclass(slots=True)
class Evidence:
    """What is known of datasets."""

    features: Mapping[str, Features] = field(default_factory=dict)
    """Features, by dataset."""
    measured: Mapping[str, Measured] = field(default_factory=dict)
    """What their own runs have used, by dataset."""
    local: Mapping[str, Features] = field(default_factory=dict)
    """Features of the datasets that were found in folders of this machine."""


def gather(
    names: Sequence[str],
    table: Path | None,
    inputs: Sequence[str],
    history: Path | None,
    read_headers: ReadHeaders = "auto",
) -> Evidence:
    """Gather what is known of datasets; what cannot be read of single ones is noted on standard error.

    Parameters
    ----------
    names
        The datasets.
    table
        A table of features, which comes before those of the history, and these before headers; or none.
    inputs
        Sources whose headers are read, in order of preference.
    history
        The database of finished runs; or none.
    read_headers
        Which of the sources are read: ``auto`` those that can be reached, ``always`` all, ``folders``, or ``never``.

    Raises
    ------
    UserError
        A file cannot be read, a source is not a valid one, or one that has to be read cannot be reached.
    """
    evidence = Evidence()
    if history:
        from hstdputils.model.history import History

        with History(history) as runs:
            evidence.measured, evidence.features = runs.measured(names), runs.features(names)
    if table:
        from hstdputils.model.tables import read_features_table

        known = read_features_table(table)
        evidence.features = {**evidence.features, **known} if evidence.features else known
    if inputs and read_headers != "never":
        headers = _Headers(names, evidence.features, read_headers)
        found = headers.read(inputs)
        evidence.local = headers.local
        evidence.features = {**evidence.features, **found} if evidence.features else found
    return evidence


class _Headers:
    """Features from the listings and headers of sources, of the datasets that no table has."""

    def __init__(self, names: Sequence[str], known: Mapping[str, Features], read_headers: ReadHeaders) -> None:
        self._wanted = [name for name in names if name[0] in BY_LETTER and name not in known]
        self._mode = read_headers
        self._features: dict[str, Features] = {}
        self._problems: dict[str, str] = {}
        self.local: dict[str, Features] = {}
        """Those that were found in folders."""

    def read(self, inputs: Sequence[str]) -> dict[str, Features]:
        """Return the features: from folders first, and of what they lack from sources that have to be reached."""
        from hstdputils.inputs.registry import open_sources

        sources = [source for source in open_sources(inputs) if source.is_quick]
        local = [source for source in sources if source.is_local]
        remote = [source for source in sources if not source.is_local] if self._mode != "folders" else []
        is_all = self._read_from(local)
        self.local = dict(self._features)
        if remote and self._left:
            reached = [source for source in remote if self._is_reached(source)]
            is_all = self._read_from(reached) and len(reached) == len(remote) and is_all
        self._print_notes([*local, *remote], is_all=is_all)
        return self._features

    @property
    def _left(self) -> list[str]:
        return [name for name in self._wanted if name not in self._features]

    def _read_from(self, sources: "Sequence[Source]") -> bool:
        """Read what is left from sources; tell whether all of them could be listed."""
        from hstdputils.core.terminal import count_progress
        from hstdputils.inputs.header_features import read_features

        left = self._left
        if not sources or not left:
            return True
        with count_progress("headers", len(left)) as done:
            found = read_features(left, sources, done)
        self._features |= found.features
        self._problems = {**self._problems, **found.problems}
        for uri, reason in found.failures.items():
            self._fail(uri, reason)
        return not found.failures

    def _is_reached(self, source: "Source") -> bool:
        """Tell whether a source answers, soon: names are looked up, too, which no time limit of a client ends."""
        answers: Queue[str] = Queue()
        Thread(target=lambda: answers.put(_no_answer(source)), daemon=True).start()
        try:
            reason = answers.get(timeout=REACH_SECONDS)
        except Empty:
            reason = f"no answer within {REACH_SECONDS:g} s: check the network"
        if reason:
            self._fail(source.uri, reason)
        return not reason

    def _fail(self, uri: str, reason: str) -> None:
        reason = reason if uri in reason else f"{uri}: {reason}"
        if self._mode == "always":
            raise UserError(f"no headers are read: {reason}; or plan without, with auto", ExitCode.S3_DOWNLOAD)
        note(f"no headers are read: {reason}; what no table has is planned from its name alone")

    def _print_notes(self, sources: "Sequence[Source]", *, is_all: bool) -> None:
        problems = sorted((name, why) for name, why in self._problems.items() if name not in self._features)
        for name, reason in problems[:SHOWN]:
            note(f"no features of {name}: {reason}")
        if len(problems) > SHOWN:
            note(f"no features of {len(problems) - SHOWN:,} more, for such reasons")
        missing = [name for name in sorted(self._left) if name not in self._problems] if is_all and sources else []
        if missing:
            more = f" and {len(missing) - SHOWN:,} more" if len(missing) > SHOWN else ""
            where = ", ".join(source.uri for source in sources)
            note(
                f"{len(missing):,} of {len(self._wanted):,} ids are in none of the sources that were looked into "
                f"({where}): {', '.join(missing[:SHOWN])}{more}: check them"
            )


def _no_answer(source: "Source") -> str:
    """Return why nothing answers at a source; nothing where something does, if only that it is busy or forbidden."""
    from botocore.exceptions import ClientError

    try:
        source.reach(ANSWER_SECONDS)
    except UserError:
        return ""
    except (AttemptFailed, StoreError, OSError) as error:
        causes: list[BaseException | None] = [error]
        while causes[-1]:
            causes.append(causes[-1].__cause__)
        return "" if any(isinstance(cause, ClientError) for cause in causes) else one_line(error)
    return ""


def note(text: str) -> None:
    """Print a note to standard error."""
    print(f"note: {without_passwords(text)}", file=sys.stderr, flush=True)
