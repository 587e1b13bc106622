import pytest

from hstdputils.core.errors import StoreError, UserError
from hstdputils.core.outcomes import Outcome
from hstdputils.records.batch import Batch, Pins, check_batch_name
from hstdputils.records.marker import Marker
from hstdputils.store.base import Store
from hstdputils.store.folder import FolderStore
from hstdputils.store.registry import open_store
from hstdputils.store.s3 import S3Store
from tests.madeup.markers import made_up_marker


@pytest.fixture
def store(tmp_path) -> Store:
    return FolderStore(tmp_path / "store")


def test_open_store(tmp_path):
    assert isinstance(open_store(str(tmp_path)), FolderStore)
    assert open_store(f"file://{tmp_path}").address("a/b") == str(tmp_path / "a" / "b")
    s3 = open_store("s3://bucket/some/prefix/")
    assert isinstance(s3, S3Store)
    assert s3.address("b/x.json") == "s3://bucket/some/prefix/b/x.json"
    for wrong in ("gs://bucket", "s3://", "", "none"):
        with pytest.raises(UserError):
            open_store(wrong)


def test_objects_come_back_as_they_were_put(store, tmp_path):
    source = tmp_path / "x.fits"
    source.write_bytes(b"pixels")
    store.put_file(source, "b/x/x.fits")
    assert store.put_bytes(b"1", "b/x/y.json") is True
    assert store.get_bytes("b/x/x.fits") == b"pixels"
    assert store.get_bytes("b/x/absent") is None
    assert [(entry.key, entry.size) for entry in store.entries("b/x/")] == [("b/x/x.fits", 6), ("b/x/y.json", 1)]
    assert [entry.key for entry in store.entries("b/x/y")] == ["b/x/y.json"]
    store.delete(["b/x/y.json", "b/x/absent"])
    assert [entry.key for entry in store.entries("b/")] == ["b/x/x.fits"]


def test_only_the_first_of_two_conditional_writes_counts(store):
    assert store.put_bytes(b"first", "k", only_if_absent=True) is True
    assert store.put_bytes(b"second", "k", only_if_absent=True) is False
    assert store.get_bytes("k") == b"first"


def test_half_written_files_are_not_listed_and_are_swept(store, tmp_path):
    store.put_bytes(b"1", "b/x/y.json")
    left = tmp_path / "store" / "b" / "x" / ".z.fits.0123.part"
    left.write_bytes(b"half")
    assert [entry.key for entry in store.entries("b/")] == ["b/x/y.json"]
    store.sweep("b/x/")
    assert not left.exists()


def test_a_write_that_fails_leaves_nothing(store, tmp_path):
    with pytest.raises(StoreError, match=r"absent\.fits"):
        store.put_file(tmp_path / "absent.fits", "b/x/x.fits")
    assert list((tmp_path / "store").rglob("*.fits*")) == []


def test_markers_come_back_and_one_listing_tells_all(store):
    Batch(store, "b").markers.write(made_up_marker("ldfd01vlq", Outcome.SUCCEEDED))
    Batch(store, "b").markers.write(made_up_marker("ldfd01vnq", Outcome.NO_REFERENCES))
    Batch(store, "b").markers.write(made_up_marker("ldfd01010", Outcome.OUT_OF_MEMORY))
    Batch(store, "b").markers.write(made_up_marker("ldfd01010", Outcome.SUCCEEDED, attempt=2))
    assert Batch(store, "b").markers.finished() == {"ldfd01vlq": True, "ldfd01vnq": False, "ldfd01010": True}
    assert Batch(store, "b").markers.read("ldfd01010", succeeded=False) == made_up_marker(
        "ldfd01010", Outcome.OUT_OF_MEMORY
    )
    assert Batch(store, "c").markers.finished() == {}


def test_a_marker_of_a_later_version_is_read(store):
    data = made_up_marker("ldfd01vlq", Outcome.SUCCEEDED).to_json().replace(b'"host"', b'"new_key": 1, "host"')
    assert Marker.from_json(data) == made_up_marker("ldfd01vlq", Outcome.SUCCEEDED)
    with pytest.raises(ValueError, match="not a valid marker: it is a list"):
        Marker.from_json(b"[]")


def test_a_batch_keeps_to_its_settings(store):
    Batch(store, "b").pin(Pins("hst_0729.pmap", {"calcos": "3.6.2"}))
    Batch(store, "b").pin(Pins("hst_0729.pmap", {"calcos": "3.6.2"}))
    with pytest.raises(UserError, match=r"hst_0729.pmap, not hst_0613.pmap.*another batch name.*--force"):
        Batch(store, "b").pin(Pins("hst_0613.pmap", {"calcos": "3.6.2"}))
    with pytest.raises(UserError, match=r"calcos 3\.6\.2, not 3\.7"):
        Batch(store, "b").pin(Pins("hst_0729.pmap", {"calcos": "3.7"}))
    assert Batch(store, "b").pins() == Pins("hst_0729.pmap", {"calcos": "3.6.2"})


def test_a_program_that_is_new_to_a_batch_is_added(store):
    Batch(store, "b").pin(Pins("hst_0729.pmap", {"calcos": "3.6.2"}))
    Batch(store, "b").pin(Pins("hst_0729.pmap", {"calacs.e": "10.4"}))
    assert Batch(store, "b").pins() == Pins("hst_0729.pmap", {"calcos": "3.6.2", "calacs.e": "10.4"})


def test_settings_that_change_products_are_pinned_as_programs_are(tmp_path):
    store = FolderStore(str(tmp_path))
    Batch(store, "b").pin(Pins("hst_0729.pmap", {"calcos": "3.6.2"}))
    Batch(store, "b").pin(Pins("hst_0729.pmap", {"runastrodriz": "3.11"}, {"astrometry": "off"}))
    pinned = Pins("hst_0729.pmap", {"calcos": "3.6.2", "runastrodriz": "3.11"}, {"astrometry": "off"})
    assert Batch(store, "b").pins() == pinned
    with pytest.raises(UserError, match="was made with astrometry off, not on: choose another batch name"):
        Batch(store, "b").pin(Pins("hst_0729.pmap", {}, {"astrometry": "on"}))
    assert Batch(store, "b").pins() == pinned


def test_force_with_other_settings_starts_the_batch_anew(store):
    Batch(store, "b").pin(Pins("hst_0729.pmap", {}))
    Batch(store, "b").markers.write(made_up_marker("ldfd01vlq", Outcome.SUCCEEDED))
    Batch(store, "b").pin(Pins("hst_0729.pmap", {}), force=True)
    assert Batch(store, "b").markers.finished() == {"ldfd01vlq": True}
    Batch(store, "b").pin(Pins("hst_0613.pmap", {}), force=True)
    assert Batch(store, "b").markers.finished() == {}
    assert Batch(store, "b").pins() == Pins("hst_0613.pmap", {})


@pytest.mark.parametrize("name", ["a/b", "", ".hidden", "a b", "ä", "x" * 129])
def test_batch_names_that_are_no_folder_names(name):
    with pytest.raises(UserError, match="not a valid batch name"):
        check_batch_name(name)


def test_what_a_submission_has_settled_is_only_held_against(tmp_path):
    store = FolderStore(tmp_path)
    settled = Pins("hst_0729.pmap", {}, {"image": f"calcloud@sha256:{64 * '1'}"})
    Batch(store, "b").pin(settled)
    for force in (False, True):  # as jobs do
        Batch(store, "b").pin(Pins("hst_0729.pmap", {"calcos": "3.6.2"}, {"astrometry": "on"}), force=force)
        with pytest.raises(UserError, match=r"made with CRDS context hst_0729\.pmap, not hst_0613\.pmap"):
            Batch(store, "b").pin(Pins("hst_0613.pmap", {}), force=force)
    assert Batch(store, "b").pins() == settled
    Batch(store, "b").markers.write(made_up_marker("ldem01acq", Outcome.SUCCEEDED))
    anew = Pins("hst_0613.pmap", {}, settled.settings)
    Batch(store, "b").pin(anew, force=True)  # as submit --force does
    assert Batch(store, "b").pins() == anew
    assert Batch(store, "b").markers.finished() == {}


def test_an_image_without_a_digest_settles_nothing(tmp_path):
    store = FolderStore(tmp_path)
    Batch(store, "b").pin(Pins("hst_0729.pmap", {}, {"image": "calcloud:1.0"}))
    Batch(store, "b").pin(Pins("hst_0729.pmap", {"calcos": "3.6.2"}))
    assert Batch(store, "b").pins() == Pins("hst_0729.pmap", {"calcos": "3.6.2"}, {"image": "calcloud:1.0"})
