"""What must hold after all that may happen: nothing lost, doubled, mixed or falsely succeeded."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.engines.honesty import assert_complete, assert_not_misleading, marker_of

CALIBRATED = {"ldem01acq": {"flt", "counts"}, "ldem01tnq": {"flt", "counts", "corrtag", "x1d"}}
"""Endings of the products of datasets that calcos takes; of the others the inputs are all."""

INPUTS = {"ldem01acq": "rawacq", "ldem01tnq": "rawtag", "ldem01pkq": "rawacq", "ldem01omq": "rawtag"}


def assert_honest(store: Path, names: Iterable[str], late: bool = False) -> None:
    """Check what can be seen at any moment: a marker that says ``succeeded`` is right, and no manifest is wrong."""
    for name in names:
        if not late or marker_of(store, name):
            _without_orphans(store, name, late)
            assert_not_misleading(store, name)
        if marker := marker_of(store, name):
            _assert_of_one_call(store, name)
            _assert_counted(marker)
        if failed := marker_of(store, name, "failed"):
            assert failed["outcome"] != "succeeded"
            assert failed["exit_code"] != 0
            _assert_counted(failed)


def assert_done(store: Path, names: Iterable[str], failed: Iterable[str], late: bool = False) -> None:
    """Check the end: each dataset has succeeded, but those that cannot, which say why."""
    assert_honest(store, names, late)
    for name in names:
        if name in failed:
            assert marker_of(store, name) is None
            marker = marker_of(store, name, "failed")
            assert marker is not None
            assert marker["outcome"] == "no_references", marker
        else:
            marker = assert_complete(store, name)
            assert (marker["ipppssoot"], marker["batch"]) == (name, "b")
    markers = sorted(path.stem for path in (store / "b/markers/succeeded").glob("*"))
    assert markers == sorted(set(names) - set(failed))


def _without_orphans(store: Path, name: str, late: bool) -> None:
    """Leave out what an attempt that was cut off has left and a late listing has hidden from the next."""
    manifest = store / "b" / name / "manifest.json"
    if late and manifest.exists():
        listed = {item["name"] for item in json.loads(manifest.read_text())["files"]}
        for path in manifest.parent.glob("*.tra"):
            if path.name not in listed:
                path.unlink()


def _assert_of_one_call(store: Path, name: str) -> None:
    """Check that all products are of one call of the program, and are all that it makes."""
    home = store / "b" / name
    made = {f"{name}_{ending}.fits" for ending in CALIBRATED.get(name, ())}
    inputs = {f"{name}_{INPUTS[name]}.fits", f"{name}_spt.fits"}
    assert {path.name for path in home.glob("*.fits")} == made | inputs
    stamps = {(home / file).read_bytes()[2880:2912].decode() for file in made}
    stamps |= {path.read_text() for path in home.glob("*.tra")}
    assert len(stamps) == (1 if made else 0), f"products of {name} are of several calls"


def _assert_counted(marker: dict[str, Any]) -> None:
    """Check that attempts count from 1 without a gap, and that none but the last has succeeded."""
    earlier = marker["earlier"]
    assert [one["attempt"] for one in earlier] == list(range(1, marker["attempt"])), marker
    assert "succeeded" not in [one["outcome"] for one in earlier]
    ends = [(one["outcome"], one["end"]) for one in earlier]
    assert len(set(ends)) == len(ends), f"an attempt counts twice: {marker}"
