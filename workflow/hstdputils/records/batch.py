"""Batches: named runs over lists of datasets, and what is pinned so that their products are comparable."""

import json
import random
import re
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace

from hstdputils import __version__
from hstdputils.core.errors import StoreError, UserError
from hstdputils.core.exit_codes import ExitCode
from hstdputils.core.formats import MOST_BYTES, BadFormat, read_as
from hstdputils.core.text import iso_time
from hstdputils.store.base import Store
from hstdputils.store.folder import FolderStore
from hstdputils.store.layout import batch_key, markers_prefix
from hstdputils.store.probe import CARELESS, probe


def probe_once(store: Store, batch: str) -> bool:
    """Return whether the store does conditional writes, by the batch's record or a probe that is then recorded.

    Raises
    ------
    UserError
        The record of the batch cannot be read.
    StoreError
        The store cannot be used at all.
    """
    if isinstance(store, FolderStore):
        return True
    record = read_record(store, batch)
    if record is not None and record.conditional_writes is not None:
        return record.conditional_writes
    found = probe(store, batch)
    record_probe(store, batch, conditional_writes=found)
    return found


def is_careless(store: Store, batch: str) -> bool:
    """Tell whether the batch's record says that its store does no conditional writes."""
    if isinstance(store, FolderStore):
        return False
    try:
        record = read_record(store, batch)
    except UserError:  # a record that cannot be read says nothing of the store
        return False
    return record is not None and record.conditional_writes is False


def require_lease(store: Store, batch: str, doing: str, *, may_probe: bool) -> None:
    """Raise `UserError` where the store does no conditional writes, without which nothing is submitted.

    Parameters
    ----------
    store, batch
        The batch.
    doing
        What cannot be done then, as a sentence goes on: "nothing can be submitted".
    may_probe
        Probe the store where nothing is recorded.
    """
    careless = not probe_once(store, batch) if may_probe else is_careless(store, batch)
    if careless:
        raise UserError(
            f"the store {store.uri} {CARELESS}: {doing}; use another store, or process the batch on one machine "
            "with hstdputils run",
            ExitCode.UPLOAD,
        )


_TRIES = 60
"""How often a record is changed that others change at the same time."""


IMAGE = "image"
"""The setting with the container image of a batch on AWS Batch; its digest settles the versions of all programs."""


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True, slots=True)
class Pins:
    """What must be the same for all datasets of a batch."""

    crds_context: str
    """The CRDS context."""
    programs: dict[str, str]
    """Versions of the calibration programs, by name."""
    settings: dict[str, str] = field(default_factory=dict)
    """Other settings that change products, by name."""
    conditional_writes: bool | None = None
    """Whether the store refuses, where it is asked to, to write what is there already; none before it was probed."""
    probed: str = ""
    """When the store was probed, UTC, ISO 8601."""

    def differences(self, pinned: "Pins") -> list[str]:
        """Return one phrase for each thing that differs from what is pinned."""
        found = []
        if self.crds_context != pinned.crds_context:
            found.append(f"CRDS context {pinned.crds_context}, not {self.crds_context}")
        for ours, earlier in ((self.programs, pinned.programs), (self.settings, pinned.settings)):
            for name, value in ours.items():
                if earlier.get(name, value) != value:
                    found.append(f"{name} {earlier[name]}, not {value}")
        return found

    @property
    def are_settled(self) -> bool:
        """Tell whether a submission has pinned all there is: its jobs then write nothing of it, nor may they."""
        return "@sha256:" in self.settings.get(IMAGE, "")

    def __or__(self, more: "Pins") -> "Pins":
        """Return these with those of ``more`` that are new."""
        return replace(
            self,
            crds_context=self.crds_context or more.crds_context,
            programs=more.programs | self.programs,
            settings=more.settings | self.settings,
        )


def check_batch_name(name: str) -> str:
    """Return the name, which becomes a folder and an S3 prefix.

    Raises
    ------
    UserError
        The name has characters that do not fit there.
    """
    if not _NAME.fullmatch(name):
        raise UserError(
            f"{name!r} is no batch name: use letters, digits, dots, dashes and underscores, "
            "and begin with a letter or digit"
        )
    return name


def pin_batch(store: Store, batch: str, pins: Pins, *, force: bool = False) -> Pins:
    """Record in the store what the batch is made with, or hold it against what is recorded, and return that.

    Programs and settings that the batch has not used before are added. With ``force`` a batch made with other
    settings starts anew: its ``succeeded`` markers are removed, so that all its datasets are processed again.
    What a submission has settled (`Pins.are_settled`) is only held against, whatever ``force`` says, unless these are
    the pins of a submission.

    Raises
    ------
    UserError
        The batch was made with other settings, and ``force`` is not set.
    StoreError
        The store cannot be read or written.
    """

    def change(pinned: Pins | None) -> Pins:
        if pinned is None or not pinned.crds_context:
            return pinned | pins if pinned else pins
        if pinned.are_settled and IMAGE not in pins.settings:
            _refuse(store, batch, pins, pinned)
            return pinned
        if not pins.differences(pinned):
            return pinned | pins
        if not force:
            _refuse(store, batch, pins, pinned)
        store.delete([entry.key for entry in store.entries(markers_prefix(batch, succeeded=True))])
        return replace(pins, conditional_writes=pinned.conditional_writes, probed=pinned.probed)

    return _changed(store, batch, change)


def record_probe(store: Store, batch: str, *, conditional_writes: bool) -> None:
    """Record in the store what a probe of it has found, for a batch that may not have begun.

    Raises
    ------
    StoreError
        The store cannot be read or written.
    """
    now = iso_time(timespec="seconds")
    _changed(
        store,
        batch,
        lambda pinned: replace(pinned or Pins("", {}), conditional_writes=conditional_writes, probed=now),
    )


def _changed(store: Store, batch: str, change: Callable[[Pins | None], Pins]) -> Pins:
    """Change a batch's record, however many do so at the same time, and return it."""
    key = batch_key(batch)
    for _ in range(_TRIES):
        data = store.get_bytes(key, MOST_BYTES + 1)
        before = None if data is None else _parsed(store, batch, data)
        after = change(before)
        new = _to_json(after)
        if data is None and store.put_bytes(new, key, only_if_absent=True):
            _require_kept(store, batch, new)
            return after
        if data is not None and (before == after or store.swap_bytes(new, key, data)):
            return after
        time.sleep(random.uniform(0, 0.2))  # another was first
    raise StoreError(f"cannot write {store.address(key)}: others change it all the time: try again")


def _require_kept(store: Store, batch: str, data: bytes) -> None:
    """Raise `StoreError` where a new record is not kept as it was written, before hours of work come to nothing."""
    found = store.get_bytes(batch_key(batch), MOST_BYTES + 1)
    if found == data:
        return
    try:
        _parsed(store, batch, found or b"")  # another may have changed it meanwhile
    except UserError:
        raise StoreError(
            f"the store {store.uri} does not keep what is written to it: hstdputils doctor says more"
        ) from None


def check_pins(store: Store, batch: str, pins: Pins) -> None:
    """Hold pins against what the store has recorded of the batch.

    Raises
    ------
    UserError
        The batch was made with other settings.
    """
    if pinned := read_pins(store, batch):
        _refuse(store, batch, pins, pinned)


def _refuse(store: Store, batch: str, pins: Pins, pinned: Pins) -> None:
    if differences := pins.differences(pinned):
        raise UserError(
            f"batch {batch!r} in {store.uri} was made with {' and '.join(differences)}: choose another batch "
            "name, or redo it all with --force (in the workflow: --config force=true)"
        )


def read_pins(store: Store, batch: str) -> Pins | None:
    """Return what the batch is made with, or none for a batch of which nothing was made yet."""
    record = read_record(store, batch)
    return record if record and record.crds_context else None


def read_record(store: Store, batch: str) -> Pins | None:
    """Return what is recorded of a batch, which may not have begun; none where nothing is."""
    data = store.get_bytes(batch_key(batch), MOST_BYTES + 1)
    return None if data is None else _parsed(store, batch, data)


def _parsed(store: Store, batch: str, data: bytes) -> Pins:
    try:
        return read_as(Pins, data)
    except BadFormat as error:
        raise UserError(
            f"{store.address(batch_key(batch))} is not a valid description of a batch ({error}): choose another "
            "batch name, or remove the file",
            ExitCode.UPLOAD,
        ) from error


def _to_json(pins: Pins) -> bytes:
    values = asdict(pins)
    if pins.conditional_writes is None:
        del values["conditional_writes"], values["probed"]
    return (json.dumps(values | {"hstdputils": __version__}, indent=1) + "\n").encode()
