"""What must hold of a store at any time: what its manifests and markers say is so."""

import hashlib
import json
from pathlib import Path
from typing import Any

RECORDS = {"manifest.json", "metrics.json", "process.log"}


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def marker_of(store: Path, ipppssoot: str, kind: str = "succeeded", batch: str = "b") -> dict[str, Any] | None:
    """Return a dataset's marker, or none."""
    path = store / batch / "markers" / kind / f"{ipppssoot}.json"
    return json.loads(path.read_text()) if path.exists() else None


def product_names(store: Path, ipppssoot: str, batch: str = "b") -> set[str]:
    """Return the names of all files of a dataset but log, metrics and manifest."""
    home = store / batch / ipppssoot
    return {path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file()} - RECORDS


def assert_true_to_manifest(store: Path, ipppssoot: str, batch: str = "b") -> dict[str, Any]:
    """Check that the manifest lists exactly the files there are, as they are; return it by file name."""
    home = store / batch / ipppssoot
    listed = {item["name"]: item for item in json.loads((home / "manifest.json").read_text())["files"]}
    assert set(listed) == product_names(store, ipppssoot, batch)
    for name, item in listed.items():
        assert (home / name).stat().st_size == item["size"], name
        assert digest(home / name) == item["sha256"], name
    return listed


def assert_complete(store: Path, ipppssoot: str, batch: str = "b") -> dict[str, Any]:
    """Check a dataset that has succeeded, and return its marker."""
    listed = assert_true_to_manifest(store, ipppssoot, batch)
    marker = marker_of(store, ipppssoot, batch=batch)
    assert marker is not None
    assert (marker["outcome"], marker["exit_code"]) == ("succeeded", 0)
    assert marker["manifest_sha256"] == digest(store / batch / ipppssoot / "manifest.json")
    assert marker["n_products"] == len(listed)
    assert marker["bytes_out"] == sum(item["size"] for item in listed.values())
    return marker


def assert_not_misleading(store: Path, ipppssoot: str, batch: str = "b") -> None:
    """Check a dataset whose attempt was cut off: what can be seen of it says nothing wrong."""
    home = store / batch / ipppssoot
    visible = {path.name for path in home.rglob("*") if path.is_file() and not path.name.startswith(".")}
    assert not any(name.endswith(".part") for name in visible)
    if marker_of(store, ipppssoot, batch=batch):
        assert_complete(store, ipppssoot, batch)
    elif (home / "manifest.json").exists():
        assert_true_to_manifest(store, ipppssoot, batch)


def previews_of(names: set[str]) -> set[str]:
    """Return the names of the previews that belong to products of COS."""
    sums = tuple(f"_x1dsum{number}.fits" for number in ("", 1, 2, 3, 4))
    pictures = {".jpg": ("_flt.fits", "_flt_a.fits", "_flt_b.fits", "_fltsum.fits"), ".png": ("_x1d.fits", *sums)}
    return {
        f"previews/{name.removesuffix('.fits')}{size}{picture}"
        for picture, endings in pictures.items()
        for name in names
        if name.endswith(endings)
        for size in ("", "_thumb")
    }
