"""Id lists that take an archive to read: proposals, which MAST knows, and associations listed with their members."""

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from queue import Empty, Queue
from threading import Thread

from hstdputils.core.datasets import BadDatasetName, parse_dataset
from hstdputils.core.errors import ExitCode, UserError
from hstdputils.core.files import atomic_write
from hstdputils.core.id_lists import IdList, read_ids
from hstdputils.core.outcomes import AttemptFailed
from hstdputils.core.text import one_line
from hstdputils.fits.associations import association
from hstdputils.inputs.missing import names_of
from hstdputils.inputs.registry import open_sources
from hstdputils.inputs.source import Source
from hstdputils.inputs.unpacking import GZIP_MAGIC, unpacked

CACHE_SECONDS = 86_400.0
"""How long a proposal is not looked up again."""


MOST_ASSOCIATIONS = 1000
"""Associations whose members are looked for; in longer lists that takes too long."""


FIRST_SECONDS, MOST_SECONDS = 8.0, 20.0
"""How long the first look-up of members may take, and all of them, s."""


_PARALLEL = 32


_MOST_TABLE_BYTES = 2**22


_SHOWN = 3


def read_list(arguments: Iterable[str], inputs: Sequence[str] = (), *, folders_only: bool = False) -> IdList:
    """Read dataset names from command-line arguments, as `read_ids` does, with proposals looked up in MAST.

    Parameters
    ----------
    arguments
        Names, ``proposal:12345``, ``@FILE`` and ``-``.
    inputs
        Sources of raw files, whose association tables tell which exposures are members of associations that are
        listed too: these are left out. Without sources nothing is. MAST is asked only where there is no other.
    folders_only
        Look into folders alone.

    Raises
    ------
    UserError
        A list cannot be read, a proposal cannot be looked up, or there is no name at all.
    """
    ids = read_ids(arguments, datasets_of_proposal)
    return without_members(ids, inputs, folders_only=folders_only) if inputs else ids


def datasets_of_proposal(number: int) -> list[str]:
    """Return the datasets of a proposal that can be processed, as MAST lists them.

    The answer is cached for a day in ``~/.cache/hstdputils``, and used for longer while MAST cannot be reached.

    Raises
    ------
    UserError
        MAST cannot be reached and there is no cached answer, or it has no such dataset.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / f"hstdputils/proposals/{number}.json"
    names, age = _cached(cache)
    if age < CACHE_SECONDS:
        return names
    try:
        names = _ask_mast(number)
    except (AttemptFailed, ConnectionError) as error:
        if not names:
            raise UserError(
                f"cannot look up proposal:{number}: {one_line(error)}; or list its datasets", ExitCode.MAST
            ) from error
        when = f"{age / 86_400:.0f} days ago" if age >= 2 * 86_400 else "yesterday"
        print(f"note: proposal:{number} is as MAST had it {when} ({one_line(error)})", file=sys.stderr)
        return names
    if not names:
        raise UserError(f"MAST has no dataset of proposal:{number} that can be processed: check its number")
    with contextlib.suppress(OSError):  # a home that cannot be written is no reason not to go on
        atomic_write(cache, json.dumps(names))
    return names


def _cached(path: Path) -> tuple[list[str], float]:
    """Return the cached answer of MAST, and its age, s."""
    try:
        names = json.loads(path.read_bytes())
        if isinstance(names, list) and all(isinstance(name, str) for name in names):
            return _good(names), time.time() - path.stat().st_mtime
    except (OSError, ValueError, RecursionError):
        pass
    return [], float("inf")


def _ask_mast(number: int) -> list[str]:
    from hstdputils.inputs.mast_session import MastSession

    session = MastSession()
    session.log_in()
    return _good(session.observations_of(number))


def _good(names: Iterable[str]) -> list[str]:
    """Return the names that can be processed; MAST also has mosaics, and datasets of other instruments."""
    found = []
    for name in names:
        try:
            found.append(parse_dataset(name).ipppssoot)
        except BadDatasetName:
            continue
    return sorted(dict.fromkeys(found))


def without_members(ids: IdList, inputs: Sequence[str], *, folders_only: bool = False) -> IdList:
    """Return a list without the exposures that are members of associations in it, and with a note on them.

    Tables are read only of visits of which both associations and exposures are listed. What the sources do not say is
    left as it is, with a note.
    """
    owners, exposures = _beside_exposures(ids.names)
    if not owners:
        return ids
    if len(owners) > MOST_ASSOCIATIONS:
        note = f"{len(owners):,} associations are listed with exposures of their visits: whether these are members"
        return replace(ids, notes=[*ids.notes, f"{note} is not looked for in so long a list"])
    sources = open_sources(inputs)
    sources = [source for source in sources if source.is_quick] or sources
    sources = [source for source in sources if source.is_local or not folders_only]
    members, problem = _members(owners, frozenset(exposures), sources)
    notes = list(ids.notes)
    if members:
        shown = ", ".join(f"{name} of {owner}" for name, owner in list(members.items())[:_SHOWN])
        more = f" and {len(members) - _SHOWN:,} more" if len(members) > _SHOWN else ""
        what = "exposures are members" if len(members) > 1 else "exposure is a member"
        notes.append(f"{len(members):,} {what} of associations in the list, and not run alone: {shown}{more}")
    if problem:
        notes.append(f"whether exposures in the list are members of its associations is not known ({problem})")
    return replace(ids, names=[name for name in ids.names if name not in members], notes=notes)


def _beside_exposures(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the associations that are listed with exposures of their visits, and these exposures."""
    with_associations = {name[:6] for name in names if name[-1] == "0"}
    exposures = [name for name in names if name[:6] in with_associations and name[-1] != "0" and len(name) == 9]
    with_exposures = {name[:6] for name in exposures}
    return [name for name in names if name[-1] == "0" and name[:6] in with_exposures and len(name) == 9], exposures


def _members(
    owners: Sequence[str], exposures: frozenset[str], sources: Sequence[Source]
) -> tuple[dict[str, str], str]:
    """Return the association of each exposure that is a member of one, and why others may be unknown."""
    left: Queue[str] = Queue()
    answers: Queue[tuple[str, set[str], str]] = Queue()
    for owner in owners:
        left.put(owner)

    def work() -> None:
        with contextlib.suppress(Empty):
            while True:
                owner = left.get_nowait()
                try:
                    answers.put((owner, _members_of(owner, sources), ""))
                except (AttemptFailed, OSError, ValueError) as error:
                    answers.put((owner, set(), one_line(error)))

    for _ in range(min(_PARALLEL, len(owners))):
        Thread(target=work, daemon=True).start()  # one that hears nothing does not keep the command from its end
    found: dict[str, str] = {}
    problem = ""
    end, allowed = time.monotonic() + MOST_SECONDS, FIRST_SECONDS
    for _ in owners:
        try:
            owner, names, why = answers.get(timeout=max(0.0, allowed))
        except Empty:
            problem = problem or f"{names_of(sources)} did not say it in time"
            with contextlib.suppress(Empty):
                while True:
                    left.get_nowait()
            break
        problem = problem or why
        found |= dict.fromkeys(sorted(names & exposures), owner)
        allowed = end - time.monotonic()
    return found, problem


def _members_of(owner: str, sources: Sequence[Source]) -> set[str]:
    """Return all that an association's table lists, its products too; nothing where no source has the table."""
    for source in sources:
        for item in source.files(owner, frozenset({"asn"})):
            if item.name.lower().startswith(f"{owner}_asn.") and item.size <= _MOST_TABLE_BYTES:
                data = source.read_part(item, 0, item.size)
                rows = association(unpacked(data, _MOST_TABLE_BYTES) if data.startswith(GZIP_MAGIC) else data)
                return {row.name for row in rows}
    return set()
