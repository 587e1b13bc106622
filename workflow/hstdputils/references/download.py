"""Download files into a growing CRDS cache: each appears whole, under its own name, or not at all."""

import contextlib
import fcntl
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from hstdputils.core.errors import ExitCode, UserError
from hstdputils.core.files import atomic_write
from hstdputils.core.terminal import Advance
from hstdputils.core.text import one_line
from hstdputils.references.bestrefs import is_mapping, load_crds
from hstdputils.references.crds_settings import CrdsSettings
from hstdputils.references.digests import FROM_CRDS, FROM_DOWNLOAD, DigestRecord, Records, digest_of
from hstdputils.references.server import ReferenceServer, ReferenceServerError, RemoteFile, reading_errors
from hstdputils.store.transfers import fetch_rest

PARALLEL = 8
"""Files that are downloaded at the same time."""


_TIMES = 3
"""How often a file is downloaded that comes with another checksum than it should."""


@contextlib.contextmanager
def cache_lock(cache: Path) -> Iterator[None]:
    """Keep other processes from adding to a cache while the block runs."""
    with (cache / ".hstdputils.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def download_files(
    server: ReferenceServer, wanted: Mapping[Path, RemoteFile], advance: Advance, records: Records
) -> None:
    """Download files to their places, several at a time, and record their digests; the cache must be locked.

    What was interrupted earlier goes on where it stopped.

    Raises
    ------
    ReferenceServerError
        A file cannot be downloaded, or comes broken.
    """
    pool = ThreadPoolExecutor(PARALLEL)
    try:
        jobs = [pool.submit(_download, server, file, target, advance, records) for target, file in wanted.items()]
        for job in as_completed(jobs):
            job.result()
    finally:
        # only when no thread writes any more may another process have the lock
        pool.shutdown(wait=True, cancel_futures=True)


def _download(server: ReferenceServer, file: RemoteFile, target: Path, advance: Advance, records: Records) -> None:
    part = target.with_name(f".{target.name}.part")
    with reading_errors(file.address):
        target.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(_TIMES):
            size = fetch_rest(part, file.size, lambda have: server.append_rest(file, part, advance))
            if size < file.size:
                break
            digest = digest_of(part)
            if size == file.size and (not file.sha1 or digest == f"sha1:{file.sha1}"):
                part.replace(target)
                if not is_mapping(file.name):  # CRDS checks these itself, by the sum in each
                    records.write(
                        file.name, DigestRecord.of(target, digest, FROM_CRDS if file.sha1 else FROM_DOWNLOAD)
                    )
                return
            part.unlink()
            advance(-size)
    what = "another checksum than it should have" if size == file.size else f"{size} bytes, not {file.size}"
    raise ReferenceServerError(f"{file.address} came with {what}: try again later")


def write_config(settings: CrdsSettings, info: Mapping[str, Any]) -> None:
    """Write what the server says of itself into the cache, unless it is there already.

    Sizes and checksums of all files are left out: CRDS needs them for downloads alone, and reads the file each time.
    """
    values = {key: value for key, value in info.items() if key != "download_metadata"}
    values = {"last_synced": "unknown", **values}
    lines = [f" {key!r}: {value!r}," for key, value in sorted(values.items())]
    bad = "\n".join(info.get("bad_files_list", []))
    folder = settings.config_file.parent
    wanted = {settings.config_file: "\n".join(["{", *lines, "}", ""]), folder / "bad_files.txt": bad}
    if all(path.is_file() and path.read_text() == text for path, text in wanted.items()):
        return
    with cache_lock(settings.cache):
        folder.mkdir(parents=True, exist_ok=True)
        # flat, or a folder for each instrument: CRDS decides once for a new cache, and writes it down
        load_crds().config.get_crds_ref_subdir_mode("hst")
        for path, text in wanted.items():
            atomic_write(path, text)


def read_cached_config(settings: CrdsSettings) -> Any:
    """Return what the cache has of it.

    Raises
    ------
    UserError
        The file cannot be read.
    """
    try:
        info = load_crds().core.heavy_client.get_config_info("hst")
        assert info.operational_context is not None
        assert info.bad_files_set is not None
    except (SyntaxError, ValueError, KeyError, AttributeError, AssertionError, SystemExit) as error:
        what = f"{settings.config_file} is broken, CRDS cannot read it: sync the cache"
        raise UserError(what, ExitCode.REFERENCES) from error
    except Exception as error:
        reason = one_line(error) or type(error).__name__
        what = f"CRDS cannot read {settings.config_file} ({reason}): check the file, or sync the cache"
        raise UserError(what, ExitCode.REFERENCES) from error
    return info
