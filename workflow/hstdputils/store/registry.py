"""Stores: where products, manifests and markers go."""

from pathlib import Path

from hstdputils.core.errors import UserError
from hstdputils.store.base import Store
from hstdputils.store.folder import FolderStore


def is_none(uri: str) -> bool:
    """Tell whether the store is ``none``: nothing is saved, the products stay in the work folder."""
    return uri.lower() == "none"


def is_same_store(one: str, other: str) -> bool:
    """Tell whether two URIs or folders name one store."""
    return _identity(one) == _identity(other)


def _identity(uri: str) -> str:
    scheme, separator, rest = uri.partition("://")
    if is_none(uri):
        return "none"
    if not separator or scheme.lower() == "file":
        return str(Path(rest if separator else uri).resolve())
    return f"{scheme.lower()}://{rest.rstrip('/')}"


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
    scheme, separator, rest = uri.partition("://")
    if separator and scheme.lower() == "s3":
        from hstdputils.store.s3 import S3Store

        return S3Store.of_uri(uri, seconds=seconds)
    if separator and scheme.lower() == "file":
        return FolderStore(rest)
    if separator or not uri or is_none(uri):
        raise UserError(f"{uri!r} is not a valid store: give s3://bucket, a folder, or none")
    return FolderStore(uri)
