"""Batches: named runs over lists of datasets, and what is pinned so that their products are comparable."""

import json
import re
from dataclasses import asdict, dataclass, field

from hstdputils import __version__
from hstdputils.errors import UserError
from hstdputils.exit_codes import ExitCode
from hstdputils.formats import MOST_BYTES, BadFormat, read_as
from hstdputils.store import Store
from hstdputils.store.layout import batch_key, markers_prefix

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
        return Pins(self.crds_context, more.programs | self.programs, more.settings | self.settings)


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


def pin_batch(store: Store, batch: str, pins: Pins, *, force: bool = False) -> None:
    """Record in the store what the batch is made with, or hold it against what is recorded.

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
    key = batch_key(batch)
    pinned = read_pins(store, batch)
    if pinned is None:
        if store.put_bytes(_to_json(pins), key, only_if_absent=True):
            return
        pinned = read_pins(store, batch)
    if pinned and pinned.are_settled and IMAGE not in pins.settings:
        check_pins(store, batch, pins)
    elif pinned and pins.differences(pinned):
        if not force:
            check_pins(store, batch, pins)
        store.delete([entry.key for entry in store.entries(markers_prefix(batch, succeeded=True))])
        store.put_bytes(_to_json(pins), key)
    elif pinned and pinned | pins != pinned:
        store.put_bytes(_to_json(pinned | pins), key)


def check_pins(store: Store, batch: str, pins: Pins) -> None:
    """Hold pins against what the store has recorded of the batch.

    Raises
    ------
    UserError
        The batch was made with other settings.
    """
    pinned = read_pins(store, batch)
    differences = pins.differences(pinned) if pinned else []
    if differences:
        raise UserError(
            f"batch {batch!r} in {store.uri} was made with {' and '.join(differences)}: choose another batch "
            "name, or redo it all with --force (in the workflow: --config force=true)"
        )


def read_pins(store: Store, batch: str) -> Pins | None:
    """Return what the batch is made with, or none for a new batch."""
    data = store.get_bytes(batch_key(batch), MOST_BYTES + 1)
    if data is None:
        return None
    try:
        return read_as(Pins, data)
    except BadFormat as error:
        raise UserError(
            f"{store.address(batch_key(batch))} is not a valid description of a batch ({error}): choose another "
            "batch name, or remove the file",
            ExitCode.UPLOAD,
        ) from error


def _to_json(pins: Pins) -> bytes:
    return (json.dumps(asdict(pins) | {"hstdputils": __version__}, indent=1) + "\n").encode()
