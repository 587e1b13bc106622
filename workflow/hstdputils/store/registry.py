"""Stores by the scheme of their URI: where products, manifests and markers go."""

import pkgutil
from pathlib import Path
from typing import cast

from hstdputils.core.errors import UserError
from hstdputils.store.base import Store

STORES = {
    "": "hstdputils.store.folder:FolderStore",
    "file": "hstdputils.store.folder:FolderStore",
    "s3": "hstdputils.store.s3:S3Store",
}
"""The class of each kind of store, by scheme; imported when it is used, since boto3 takes its time."""


def is_none(uri: str) -> bool:
    """Return whether the store is ``none``: nothing is saved, the products stay in the work folder."""
    return uri.lower() == "none"


def is_same_store(one: str, other: str) -> bool:
    """Return whether two URIs or folders name one store."""
    return _identity(one) == _identity(other)


def _identity(uri: str) -> str:
    scheme, rest = _split(uri)
    if is_none(uri):
        return "none"
    return str(Path(rest).resolve()) if scheme in ("", "file") else f"{scheme}://{rest.rstrip('/')}"


def _split(uri: str) -> tuple[str, str]:
    """Return the scheme of a URI, lower case, and what follows; a path has none."""
    scheme, separator, rest = uri.partition("://")
    return (scheme.lower() or "?", rest) if separator else ("", uri)


def open_store(uri: str, *, seconds: float | None = None) -> Store:
    """Return the store that ``uri`` names.

    Parameters
    ----------
    uri
        ``s3://bucket``, ``s3://bucket/prefix``, ``file:///folder`` or a folder's path.
    seconds
        How long a bucket's store waits for an answer, which it asks for once; none for as long as it takes.

    Raises
    ------
    UserError
        The URI names no store.
    """
    scheme, _ = _split(uri)
    if scheme not in STORES or not uri or is_none(uri):
        raise UserError(f"{uri!r} is not a valid store: give s3://bucket, a folder, or none")
    return cast(Store, pkgutil.resolve_name(STORES[scheme]).of_uri(uri, seconds=seconds))
