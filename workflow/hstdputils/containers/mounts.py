"""Folders and files of this machine that are mounted into containers, under the same paths."""

import argparse
import csv
import io
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hstdputils.core.errors import UserError
from hstdputils.references.crds_settings import crds_settings
from hstdputils.store.registry import is_none

HOME = Path("/home/hstdp")
"""The home folder of the image."""


_CERTIFICATES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


_AWS_FILES = ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE")


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder or file mounted into a container."""

    source: Path
    """Its path on this machine."""
    is_writable: bool = False
    """Whether the container may write there."""
    target: Path | None = None
    """Its path in the container; none for the same path."""

    def option(self) -> str:
        """Return the option for docker and podman; paths with commas are quoted as in CSV."""
        fields = ["type=bind", f"source={self.source}", f"target={self.target or self.source}"]
        text = io.StringIO()
        csv.writer(text, lineterminator="").writerow(fields if self.is_writable else [*fields, "readonly"])
        return f"--mount={text.getvalue()}"


def mounts_of(options: argparse.Namespace) -> list[Mount]:
    """Return the mounts for a command line of ``hstdp-process``; folders to write to are created.

    Raises
    ------
    UserError
        A folder cannot be created, or does not exist.
    """
    written = [options.work, options.keep_inputs]
    if not is_none(options.output) and (store := local_path(options.output)):
        written.append(store)
    if options.copy_marker:
        written.append(options.copy_marker.parent)
    read = [path for source in options.inputs if (path := local_path(source))]
    read += [Path(word[1:]) for word in getattr(options, "ipppssoots", []) if word.startswith("@")]
    read += [options.references] if options.references else []
    read += [Path(file) for file in options.known_issues]
    found = [Mount(_made(path.absolute()), is_writable=True) for path in written if path]
    return _without_repeats([*found, *(Mount(_there(path.absolute())) for path in read)])


def crds_mounts() -> list[Mount]:
    """Return the CRDS cache, writable where it grows; empty where it does not exist."""
    settings = crds_settings()
    if settings.is_growing:
        return [Mount(_made(settings.cache.absolute()), is_writable=True)]
    return [Mount(settings.cache.absolute())] if settings.cache.is_dir() else []


def aws_mounts() -> list[Mount]:
    """Return the user's AWS configuration, read-only, where the environment has no credentials."""
    found = [path for name in _AWS_FILES if (path := file_of(name))]
    folder = Path.home() / ".aws"
    mounts = [Mount(path) for path in found]
    if folder.is_dir() and not os.environ.get("AWS_ACCESS_KEY_ID"):
        mounts.append(Mount(folder, target=HOME / ".aws"))
    return mounts


def certificate_mounts() -> list[Mount]:
    """Return the certificates that variables name, read-only."""
    return _without_repeats(Mount(path) for name in _CERTIFICATES if (path := file_of(name)))


def _without_repeats(mounts: Iterable[Mount]) -> list[Mount]:
    """Return each path once, writable where any mount of it is."""
    mounted: dict[Path, Mount] = {}
    for mount in mounts:
        if mount.source not in mounted or mount.is_writable:
            mounted[mount.source] = mount
    return list(mounted.values())


def local_path(place: str) -> Path | None:
    """Return the local folder of a store or source; none where it is remote."""
    if place.lower().startswith("file://"):
        return Path(place[len("file://") :])
    return None if ":" in place.partition("/")[0] else Path(place)


def file_of(variable: str) -> Path | None:
    """Return the file that a variable names; none where it does not exist or is a device such as ``/dev/null``."""
    path = Path(os.environ.get(variable) or os.devnull).absolute()
    return path if path.is_file() else None


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make the folder {folder}: {error.strerror}: name another") from error
    return folder


def _there(path: Path) -> Path:
    if not path.exists():
        raise UserError(f"{path} does not exist, so that it cannot be mounted into a container: correct its name")
    return path


VARIABLES = ("APPTAINER_BIND", "SINGULARITY_BIND")
"""The environment variables from which Apptainer and SingularityCE take their binds."""


_AWS_DEFAULTS = {"AWS_CONFIG_FILE": "config", "AWS_SHARED_CREDENTIALS_FILE": "credentials"}


def bind(places: Iterable[str]) -> None:
    """Bind these stores, sources and files, and the user's AWS configuration, into Apptainer's containers.

    For a path that does not exist yet, its nearest parent is bound. The current folder is always bound, as the home
    folder of the container, so that AWS needs variables that say where its files are.
    """
    here = Path.cwd()
    paths = [path.expanduser().absolute() for place in places if (path := local_path(place))]
    folder = Path.home() / ".aws"
    for name, file in _AWS_DEFAULTS.items():
        if (folder / file).is_file():
            os.environ.setdefault(name, str(folder / file))
    paths += [path for name in _AWS_DEFAULTS if (path := file_of(name))]
    seen = [_nearest(path) for path in paths if not path.is_relative_to(here)]
    earlier = next((os.environ[name] for name in VARIABLES if os.environ.get(name)), "")
    binds = dict.fromkeys([*filter(None, earlier.split(",")), *(str(path) for path in seen if path != path.parent)])
    if binds:
        os.environ.update(dict.fromkeys(VARIABLES, ",".join(binds)))


def _nearest(path: Path) -> Path:
    """Return the path, or its nearest parent that exists."""
    return next(one for one in (path, *path.parents) if one.exists())
