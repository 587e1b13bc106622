"""Batches: named runs over lists of datasets, each in a store, with all that is known of one."""

import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from hstdputils.core.errors import StoreError, UserError
from hstdputils.core.exit_codes import ExitCode
from hstdputils.core.formats import MOST_BYTES, BadFormat, read_as
from hstdputils.core.text import iso_time
from hstdputils.records.markers import Markers
from hstdputils.records.pins import IMAGE, Pins
from hstdputils.store import layout
from hstdputils.store.base import Store
from hstdputils.store.folder import FolderStore
from hstdputils.store.probe import CARELESS, probe

_TRIES = 60
"""How often a record is changed that others change at the same time."""


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


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


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch, which may not have begun: its keys, its markers, and the record of what it is made with.

    Where a method reads or writes, it raises `StoreError` if the store cannot be used, and `UserError` if
    ``batch.json`` is not a valid record.
    """

    store: Store
    """Where it is."""
    name: str
    """Its name."""

    def __str__(self) -> str:
        return self.name

    @property
    def prefix(self) -> str:
        """Return how all its keys begin."""
        return layout.batch_prefix(self.name)

    @property
    def record_key(self) -> str:
        """Return the key of what it is made with."""
        return layout.batch_key(self.name)

    @property
    def plan_key(self) -> str:
        """Return the key of its plan."""
        return layout.plan_key(self.name)

    @property
    def blackboard_key(self) -> str:
        """Return the key of the text that says how far each dataset is."""
        return layout.blackboard_key(self.name)

    @property
    def jobs_prefix(self) -> str:
        """Return how the keys of submissions begin."""
        return layout.jobs_prefix(self.name)

    @property
    def lease_prefix(self) -> str:
        """Return how the keys of leases begin."""
        return layout.lease_prefix(self.name)

    @property
    def decisions_prefix(self) -> str:
        """Return how the keys of decisions about failed jobs begin."""
        return layout.decisions_prefix(self.name)

    @property
    def definition_key(self) -> str:
        """Return the key of the record of its job definition."""
        return layout.definition_key(self.name)

    def slice_key(self, name: str) -> str:
        """Return the key of a slice of its plan."""
        return layout.slice_key(self.name, name)

    def dataset_prefix(self, ipppssoot: str) -> str:
        """Return how the keys of a dataset's files begin."""
        return layout.dataset_prefix(self.name, ipppssoot)

    def dataset_key(self, ipppssoot: str, name: str) -> str:
        """Return the key of a product of a dataset, or of its manifest, log or metrics."""
        return layout.dataset_key(self.name, ipppssoot, name)

    def previews_prefix(self, ipppssoot: str) -> str:
        """Return how the keys of a dataset's previews begin."""
        return layout.previews_prefix(self.name, ipppssoot)

    @property
    def markers(self) -> Markers:
        """Return the markers of its datasets."""
        return Markers(self.store, self.name)

    def pins(self) -> Pins | None:
        """Return what it is made with, or none where nothing was made yet."""
        record = self.record()
        return record if record and record.crds_context else None

    def record(self) -> Pins | None:
        """Return what is recorded of it, which may not have begun; none where nothing is."""
        data = self.store.get_bytes(self.record_key, MOST_BYTES + 1)
        return None if data is None else self._parsed(data)

    def pin(self, pins: Pins, *, force: bool = False) -> Pins:
        """Record what it is made with, or hold that against what is recorded; return what is recorded then.

        Programs and settings that it has not used before are added. With ``force`` a batch made with other settings
        starts anew: its ``succeeded`` markers are removed, so that all its datasets are processed again. What a
        submission has settled (`Pins.are_settled`) is only held against, whatever ``force`` says, unless these are
        the pins of a submission.

        Raises
        ------
        UserError
            It was made with other settings, and ``force`` is not set.
        """

        def change(pinned: Pins | None) -> Pins:
            if pinned is None or not pinned.crds_context:
                return pinned | pins if pinned else pins
            if pinned.are_settled and IMAGE not in pins.settings:
                self._require_same(pins, pinned)
                return pinned
            if not pins.differences(pinned):
                return pinned | pins
            if not force:
                self._require_same(pins, pinned)
            self.markers.forget_successes()
            return replace(pins, conditional_writes=pinned.conditional_writes, probed=pinned.probed)

        return self._changed(change)

    def check_pins(self, pins: Pins) -> None:
        """Raise `UserError` where it was made with other settings than these."""
        if pinned := self.pins():
            self._require_same(pins, pinned)

    def probe(self) -> bool:
        """Return whether its store does conditional writes, by its record or a probe that is then recorded."""
        if isinstance(self.store, FolderStore):
            return True
        record = self.record()
        if record is not None and record.conditional_writes is not None:
            return record.conditional_writes
        found = probe(self.store, self.name)
        self.record_probe(conditional_writes=found)
        return found

    def record_probe(self, *, conditional_writes: bool) -> None:
        """Record what a probe of its store has found."""
        now = iso_time(timespec="seconds")
        self._changed(
            lambda pinned: replace(pinned or Pins("", {}), conditional_writes=conditional_writes, probed=now)
        )

    def is_careless(self) -> bool:
        """Tell whether its record says that the store does no conditional writes."""
        if isinstance(self.store, FolderStore):
            return False
        try:
            record = self.record()
        except UserError:  # a record that cannot be read says nothing of the store
            return False
        return record is not None and record.conditional_writes is False

    def require_lease(self, doing: str, *, may_probe: bool) -> None:
        """Raise `UserError` where its store does no conditional writes, without which nothing is submitted.

        Parameters
        ----------
        doing
            What cannot be done then, as a sentence goes on: "nothing can be submitted".
        may_probe
            Probe the store where nothing is recorded.
        """
        careless = not self.probe() if may_probe else self.is_careless()
        if careless:
            raise UserError(
                f"the store {self.store.uri} {CARELESS}: {doing}; use another store, or process the batch on one "
                "machine with hstdputils run",
                ExitCode.UPLOAD,
            )

    def _changed(self, change: Callable[[Pins | None], Pins]) -> Pins:
        """Change the record, however many do so at the same time, and return it."""
        for _ in range(_TRIES):
            data = self.store.get_bytes(self.record_key, MOST_BYTES + 1)
            before = None if data is None else self._parsed(data)
            after = change(before)
            new = after.to_json()
            if data is None and self.store.put_bytes(new, self.record_key, only_if_absent=True):
                self._require_kept(new)
                return after
            if data is not None and (before == after or self.store.swap_bytes(new, self.record_key, data)):
                return after
            time.sleep(random.uniform(0, 0.2))  # another was first
        raise StoreError(
            f"cannot write {self.store.address(self.record_key)}: others change it all the time: try again"
        )

    def _require_kept(self, data: bytes) -> None:
        """Raise `StoreError` where a new record is not kept as written: hours of work would come to nothing."""
        found = self.store.get_bytes(self.record_key, MOST_BYTES + 1)
        if found == data:
            return
        try:
            self._parsed(found or b"")  # another may have changed it meanwhile
        except UserError:
            raise StoreError(
                f"the store {self.store.uri} does not keep what is written to it: hstdputils doctor says more"
            ) from None

    def _require_same(self, pins: Pins, pinned: Pins) -> None:
        if differences := pins.differences(pinned):
            raise UserError(
                f"batch {self.name!r} in {self.store.uri} was made with {' and '.join(differences)}: choose another "
                "batch name, or redo it all with --force (in the workflow: --config force=true)"
            )

    def _parsed(self, data: bytes) -> Pins:
        try:
            return read_as(Pins, data)
        except BadFormat as error:
            raise UserError(
                f"{self.store.address(self.record_key)} is not a valid description of a batch ({error}): choose "
                "another batch name, or remove the file",
                ExitCode.UPLOAD,
            ) from error
