"""A flat that changes by 1e-4 in one mode: `affected` names its datasets, and calcos agrees on both sides."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from tests.conftest import Commands, MadeUp
from tests.madeup import cos_references, crds_cache, demo

OLD, NEW = crds_cache.CONTEXT, "hst_9004.pmap"
NEW_FLAT = "mad9004ml_flat.fits"
DATASETS = (demo.SPECTRUM, demo.ASSOCIATION, demo.ALL_OMIT)

pytestmark = [pytest.mark.engine("calcos"), pytest.mark.slow]


def write_changed_flat(crds: Path) -> None:
    """Write a context whose NUV flat is 1e-4 larger than that of the first."""
    change = replace(crds_cache.FLATFILE, references={**crds_cache.FLATFILE.references, ("NUV",): NEW_FLAT})
    crds_cache._write_context_like_the_first(crds / "mappings/hst", NEW, change)
    new = shutil.copy(crds / "references/hst" / cos_references.NUV_FLAT, crds / "references/hst" / NEW_FLAT)
    with fits.open(new, mode="update") as hdus:
        for hdu in hdus[1:]:
            if hdu.data is not None and hdu.data.dtype.kind == "f":
                hdu.data *= 1 + 1e-4


def data_of(folder: Path) -> dict[str, list[np.ndarray | None]]:
    found = {}
    for path in sorted(folder.glob("*.fits")):
        with fits.open(path, memmap=False) as hdus:
            found[path.name] = [None if hdu.data is None else np.array(hdu.data) for hdu in hdus]
    return found


def differing(first: Path, second: Path) -> list[str]:
    one, other = data_of(first), data_of(second)
    assert one.keys() == other.keys()
    return [
        name
        for name in one
        if any(a is not b and a.tobytes() != b.tobytes() for a, b in zip(one[name], other[name], strict=True))
    ]


def test_a_changed_flat_affects_what_calcos_makes_otherwise(tmp_path: Path, made_up: MadeUp):
    crds = Path(shutil.copytree(made_up.crds, tmp_path / "crds"))
    write_changed_flat(crds)
    site = Commands(tmp_path, CRDS_PATH=str(crds), CRDS_READONLY_CACHE="1")
    for batch, context in (("old", OLD), ("new", NEW)):
        options = (f"--inputs={made_up.inputs}", f"--crds-context={context}")
        ran = site.hstdputils("process", "out", batch, *options, *DATASETS, timeout=900)
        assert ran.status == 0, ran.said
    found = {}
    for way, words in {
        "markers": ["out/old"],
        "headers": ["--from", OLD, "--inputs", str(made_up.inputs), *DATASETS],
        "used": ["--used", "out/old"],
    }.items():
        ran = site.hstdputils("affected", *words, "--to", NEW, "--json", f"{way}.json")
        assert ran.status == 0, ran.said
        datasets = json.loads((tmp_path / f"{way}.json").read_text())["datasets"]
        found[way] = {
            one["ipppssoot"]: (one["status"], [(r["type"], r["old"], r["new"]) for r in one["references"]])
            for one in datasets
        }
    change = [("flatfile", cos_references.NUV_FLAT, NEW_FLAT)]
    assert found["headers"] == {
        demo.SPECTRUM: ("affected", change),
        demo.ASSOCIATION: ("affected", change),
        demo.ALL_OMIT: ("unaffected", []),
    }
    assert found["markers"] == found["used"] == found["headers"]
    for name in DATASETS:
        changed = differing(tmp_path / "out/old" / name, tmp_path / "out/new" / name)
        assert bool(changed) is (found["headers"][name][0] == "affected"), (name, changed)
    marker = json.loads((tmp_path / f"out/old/markers/succeeded/{demo.ASSOCIATION}.json").read_text())
    assert set(marker["exposure_keywords"]) == {"", *(f"{member}_rawtag" for member in demo.MEMBERS)}
    assert len(json.dumps(marker["exposure_keywords"])) < 3000
