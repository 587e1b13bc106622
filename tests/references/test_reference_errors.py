"""Failures of references end as such: exit code 27, never unknown."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from hstdputils.core.errors import ExitCode, UserError
from hstdputils.core.outcomes import RETRIED, AttemptFailed, Outcome
from hstdputils.records.log import AttemptLog
from hstdputils.references import bestrefs, crds
from hstdputils.references import cache as caches
from hstdputils.references.digests import DigestRecord, Records, digest_of
from hstdputils.references.server import ReferenceServerError


class Cache(crds.Crds):
    """CRDS without CRDS: a cache with one file."""

    def __init__(self, folder: Path) -> None:
        self.cache = folder
        self.settings = SimpleNamespace(config_file=folder / "server_config")
        self.server, self.is_growing, self._listed = None, False, {}
        self.records = Records(folder)

    def path(self, name: str) -> Path:
        return self.cache / name

    def download(self, names, advance=None) -> None:
        raise self.failure


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    (tmp_path / "x_flat.fits").write_bytes(b"SIMPLE")
    return Cache(tmp_path)


@pytest.fixture
def log(tmp_path: Path):
    with AttemptLog(tmp_path / "log") as log:
        yield log


def assert_not_tried_again(failed: AttemptFailed, said: str) -> None:
    assert (failed.outcome, failed.exit_code) == (Outcome.NO_REFERENCES, ExitCode.REFERENCES)
    assert failed.outcome not in RETRIED
    assert said in failed.reason


def test_a_reference_that_cannot_be_read(cache, monkeypatch):
    def refuse(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(caches, "_begins_as_fits", refuse)
    with pytest.raises(AttemptFailed) as failed:
        cache.ensure(["x_flat.fits"], "hst_0729.pmap")
    assert_not_tried_again(failed.value, "x_flat.fits (Permission denied): check the file and its permissions")


@pytest.mark.parametrize("is_absent", [True, False])
def test_a_server_that_fails(cache, is_absent):
    cache.is_growing, cache.failure = True, ReferenceServerError("gone", is_absent=is_absent)
    with pytest.raises(AttemptFailed) as failed:
        cache.ensure(["y_flat.fits"], "hst_0729.pmap")
    if is_absent:
        assert_not_tried_again(failed.value, "gone")
    else:
        assert (failed.value.outcome, failed.value.exit_code) == (Outcome.STORAGE_ERROR, ExitCode.S3_DOWNLOAD)


def test_a_configuration_that_breaks_between_datasets(cache, log, monkeypatch):
    def broken(settings) -> None:
        raise UserError(f"{settings.config_file} is broken", ExitCode.REFERENCES)

    monkeypatch.setattr(caches, "read_cached_config", broken)
    with pytest.raises(AttemptFailed) as failed:
        cache.assign([], "hst_0729.pmap", log)
    assert_not_tried_again(failed.value, "server_config is broken")


def test_an_error_that_crds_raises(cache, log, monkeypatch, tmp_path):
    class CrdsError(Exception):
        pass

    def fail(*arguments, **options) -> None:
        raise CrdsError("no such\ninstrument")

    stand_in = SimpleNamespace(CrdsError=CrdsError, assign_bestrefs=fail)
    monkeypatch.setattr(bestrefs, "load_crds", lambda: stand_in)
    monkeypatch.setattr(caches, "read_cached_config", lambda settings: SimpleNamespace(bad_files_set=set()))
    raw = SimpleNamespace(path=tmp_path / "x_raw.fits")
    with pytest.raises(AttemptFailed) as failed:
        cache.assign([raw], "hst_0729.pmap", log)
    assert_not_tried_again(failed.value, "no such instrument (cache ")


def test_a_record_tells_a_file_from_what_it_was(tmp_path):
    path = tmp_path / "x_flat.fits"
    path.write_bytes(b"SIMPLE")
    record = DigestRecord.of(path, digest_of(path), "crds")
    assert record.matches(path.stat())
    path.chmod(0o600 if path.stat().st_mode & 0o077 else 0o644)
    assert not record.matches(path.stat())
    assert not record.has_changed(path.stat()), "its permissions alone"
    path.write_bytes(b"SIMPLe")
    assert record.has_changed(path.stat())
