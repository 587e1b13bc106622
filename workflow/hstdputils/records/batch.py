"""Batches: named runs over lists of datasets, each in a store, and what must be the same for all of one."""

import json
import random
import re
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace

from hstdputils import __version__
from hstdputils.core.errors import ExitCode, StoreError, UserError
from hstdputils.core.formats import MOST_BYTES, BadFormat, read_as
from hstdputils.core.text import iso_time
from hstdputils.records.markers import Markers
from hstdputils.store.base import Store
from hstdputils.store.layout import BatchKeys
from hstdputils.store.probe import NO_CONDITIONAL_WRITES, probe

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
            f"{name!r} is not a valid batch name: use letters, digits, dots, dashes and underscores, "
            "and begin with a letter or digit"
        )
    return name


IMAGE = "image"
"""The setting with the container image of a batch on AWS Batch; its digest settles the versions of all programs."""


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
        """Return whether a submission has pinned all there is: its jobs then write nothing of it, nor may they."""
        return "@sha256:" in self.settings.get(IMAGE, "")

    def __or__(self, more: "Pins") -> "Pins":
        """Return these with those of ``more`` that are new."""
        return replace(
            self,
            crds_context=self.crds_context or more.crds_context,
            programs=more.programs | self.programs,
            settings=more.settings | self.settings,
        )

    def to_json(self) -> bytes:
        """Return these as JSON, with the version that writes them."""
        values = asdict(self)
        if self.conditional_writes is None:
            del values["conditional_writes"], values["probed"]
        return (json.dumps(values | {"hstdputils": __version__}, indent=1) + "\n").encode()


@dataclass(frozen=True, slots=True)
class Batch(BatchKeys):
    """A batch, which may not have begun: its keys, its markers, and the record of what it is made with.

    Where a method reads or writes, it raises `StoreError` if the store cannot be used, and `UserError` if
    ``batch.json`` is not a valid record.
    """

    store: Store
    """Where it is."""
    name: str
    """Its name."""

    @property
    def address(self) -> str:
        """Return it as commands take it: STORE/BATCH."""
        return f"{self.store.uri.rstrip('/')}/{self.name}"

    def __str__(self) -> str:
        return self.name

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
            self.markers.remove_successes()
            return replace(pins, conditional_writes=pinned.conditional_writes, probed=pinned.probed)

        return self._changed(change)

    def check_pins(self, pins: Pins) -> None:
        """Raise `UserError` where it was made with other settings than these."""
        if pinned := self.pins():
            self._require_same(pins, pinned)

    def probe(self) -> bool:
        """Return whether its store does conditional writes, by its record or a probe that is then recorded."""
        if not self.store.is_remote:
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

    def lacks_conditional_writes(self) -> bool:
        """Return whether its record says that the store does no conditional writes."""
        if not self.store.is_remote:
            return False
        try:
            record = self.record()
        except UserError:  # a record that cannot be read says nothing of the store
            return False
        return record is not None and record.conditional_writes is False

    def require_conditional_writes(self, doing: str, *, may_probe: bool) -> None:
        """Raise `UserError` where its store does no conditional writes, without which nothing is submitted.

        Parameters
        ----------
        doing
            What cannot be done then, as a sentence goes on: "nothing can be submitted".
        may_probe
            Probe the store where nothing is recorded.
        """
        lacks_them = not self.probe() if may_probe else self.lacks_conditional_writes()
        if lacks_them:
            raise UserError(
                f"the store {self.store.uri} {NO_CONDITIONAL_WRITES}: {doing}; use another store, or process the "
                "batch on one machine with hstdputils run",
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
            f"cannot write {self.store.address(self.record_key)}: other processes keep changing it: try again"
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
