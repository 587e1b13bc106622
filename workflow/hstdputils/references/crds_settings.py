"""CRDS's own variables, read once, before CRDS itself sees them."""

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hstdputils.core.errors import ExitCode, UserError
from hstdputils.core.text import without_passwords

SERVERLESS = "https://hst-serverless-mode.stsci.edu"
"""The address that tells CRDS to work from its cache alone."""


URI_VARIABLES = {
    "config": "CRDS_CONFIG_URI",
    "mapping": "CRDS_MAPPING_URI",
    "reference": "CRDS_REFERENCE_URI",
}
"""Variables with addresses (S3 or HTTP) from which files come, by the kind of file; they come before a server's."""


_FOLDERS = {"config": "config", "mapping": "mappings", "reference": "references"}


@dataclass(frozen=True, slots=True)
class CrdsSettings:
    """What CRDS works with."""

    cache: Path
    """The cache (``CRDS_PATH``)."""
    server: str = ""
    """The server's address; empty without a server."""
    uris: Mapping[str, str] = field(default_factory=dict)
    """Addresses that take the place of the server's, by kind of file (``config``, ``mapping``, ``reference``)."""
    is_growing: bool = False
    """Whether what is missing in the cache is downloaded; false where it is only read."""

    @property
    def source(self) -> str:
        """Return, for a person, where the cache gets its files."""
        if not self.is_growing:
            return "the cache alone"
        return without_passwords(self.uris.get("reference") or self.server)

    @property
    def config_file(self) -> Path:
        """Return the cached file that says which context is operational and which files are bad."""
        return self.cache / "config" / "hst" / "server_config"


@functools.cache
def crds_settings() -> CrdsSettings:
    """Return the settings that the environment makes, the same for the whole process; see `settings_of`."""
    return settings_of(os.environ)


def settings_of(variables: Mapping[str, str]) -> CrdsSettings:
    """Return the settings that variables make.

    The cache grows where there is a server (``CRDS_SERVER_URL``) or where all three addresses are given
    (``CRDS_CONFIG_URI``, ``CRDS_MAPPING_URI``, ``CRDS_REFERENCE_URI``), unless ``CRDS_READONLY_CACHE`` is set.

    Raises
    ------
    UserError
        An address is missing, or is not an address of S3 or HTTP.
    """
    server = variables.get("CRDS_SERVER_URL", "").rstrip("/")
    if "serverless" in server or "server-less" in server:
        server = ""
    uris = {kind: variables.get(name, "").rstrip("/") for kind, name in URI_VARIABLES.items()}
    uris = {kind: uri for kind, uri in uris.items() if uri and uri.lower() != "none"}
    is_growing = bool(server or uris or _is_set(variables, "CRDS_S3_ENABLED"))
    is_growing = is_growing and not _is_set(variables, "CRDS_READONLY_CACHE")
    if is_growing:
        _check(server, uris, is_s3=_is_set(variables, "CRDS_S3_ENABLED"))
    default = str(Path.home() / "crds_cache") if server or uris else "/grp/crds/cache"
    cache = Path(variables.get("CRDS_PATH") or default).expanduser().absolute()
    return CrdsSettings(cache, server, uris, is_growing)


def _check(server: str, uris: Mapping[str, str], *, is_s3: bool) -> None:
    for kind, name in URI_VARIABLES.items():
        like = f"set it like s3://bucket/{_FOLDERS[kind]}/hst"
        if kind not in uris and (not server or is_s3):
            raise UserError(f"{name} is not set, which CRDS needs to work from S3: {like}", ExitCode.REFERENCES)
        if uris.get(kind, "s3://").partition("://")[0] not in ("s3", "http", "https"):
            raise UserError(f"{name} = {uris[kind]!r} is not an address: {like}", ExitCode.REFERENCES)


def _is_set(variables: Mapping[str, str], name: str) -> bool:
    return variables.get(name, "").strip().lower() in ("1", "true", "t", "yes", "y", "on")
