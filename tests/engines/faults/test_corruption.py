"""Products that change between calibration and delivery: no store takes them for what the manifest says."""

import hashlib
import tempfile
from pathlib import Path

import pytest

from hstdputils.core.errors import StoreError
from hstdputils.process.products import save_products
from hstdputils.records.batch import Batch
from hstdputils.records.manifest import list_products, manifest
from hstdputils.store.folder import FolderStore
from hstdputils.store.s3 import S3Store

LARGE = 20_000_000
"""Bytes that go to S3 in parts."""


@pytest.fixture(params=["folder", "folder of another file system", "S3"])
def store(request, tmp_path, s3, monkeypatch):
    if request.param == "S3":
        for name, value in {**s3.variables, "AWS_DEFAULT_REGION": "us-east-1"}.items():
            monkeypatch.setenv(name, value)
        return S3Store.of_uri(s3.make_bucket("corrupted"))
    if request.param == "folder":
        return FolderStore(tmp_path / "store")
    return FolderStore(request.getfixturevalue("other_disk"))


@pytest.fixture
def other_disk(tmp_path):
    """Return a folder of another file system than the work folder's."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        if Path(name).stat().st_dev == tmp_path.stat().st_dev:
            pytest.skip("/dev/shm is no file system of its own")
        yield name


@pytest.mark.engine("S3 (moto)")
@pytest.mark.parametrize("size", [10, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("change", ["none", "a byte", "cut short"])
def test_a_product_that_changes(store, tmp_path, size, change):
    folder = tmp_path / "data"
    folder.mkdir()
    product = folder / "x_flt.fits"
    product.write_bytes(bytes(size))
    files = list_products(folder, [])
    made = manifest("b", "x", files)
    if change == "a byte":
        with product.open("r+b") as file:
            file.seek(size // 2)
            file.write(b"!")
    elif change == "cut short":
        with product.open("r+b") as file:
            file.truncate(size // 2)
    if change == "none":
        save_products(Batch(store, "b"), "x", folder, files, made)
        assert store.digest("b/x/x_flt.fits") == hashlib.sha256(bytes(size)).hexdigest()
        return
    with pytest.raises(StoreError, match=r"x_flt\.fits has changed since its checksum was taken"):
        save_products(Batch(store, "b"), "x", folder, files, made)
    assert store.get_bytes("b/x/manifest.json") is None
