"""What every store can do."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hstdputils.core.errors import CredentialsProblem, StoreError


class NoAccess(StoreError, CredentialsProblem):
    """The credentials with which the store is reached cannot be used."""


class NotDone(StoreError):
    """The store does not do what it was asked for, and says so."""


def require_digest(address: str, path: Path, wanted: str, found: str) -> None:
    """Raise `StoreError` where the bytes of a file that is saved are not those that are wanted."""
    if wanted and found != wanted:
        raise StoreError(f"cannot write {address}: {path} has changed since its checksum was taken: check that disk")


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One object of a listing."""

    key: str
    """The key below the store's root, with ``/`` between its parts."""
    size: int
    """Bytes."""


class Store(Protocol):
    """A place for objects under keys. An object appears whole under its key, or not at all.

    Every method raises `StoreError` where the store cannot be reached, read or written.
    """

    uri: str
    """The store as a user writes it."""
    is_remote: bool
    """Whether a server keeps it: reads take a request each, and conditional writes have to be probed for."""

    def check(self) -> None:
        """Raise `StoreError` unless the store can be reached and, as far as can be told, written."""

    def put_file(self, path: Path, key: str, sha256: str = "") -> None:
        """Save a file, which may be moved away from ``path``.

        Where its SHA-256 is given, other bytes than those are an error.
        """

    def put_bytes(self, data: bytes, key: str, *, only_if_absent: bool = False) -> bool:
        """Save bytes; return false where ``only_if_absent`` is set and the key exists already."""

    def swap_bytes(self, data: bytes, key: str, expected: bytes) -> bool:
        """Save bytes in place of others; return false where the object is not, or no more, what was expected."""

    def get_bytes(self, key: str, most: int | None = None) -> bytes | None:
        """Return an object's bytes, the first ``most`` where that is given, or none where there is no such key."""

    def get_many(self, keys: Iterable[str], most: int | None = None) -> Iterator[tuple[str, bytes | None]]:
        """Yield keys, in their order, with what `get_bytes` returns for them, several at a time."""

    def get_end(self, key: str, size: int) -> bytes | None:
        """Return the last bytes of an object, all where it has no more, or none where there is no such key."""

    def digest(self, key: str) -> str | None:
        """Return the SHA-256 of an object's bytes, which are all read, or none where there is no such key."""

    def entries(self, prefix: str) -> Iterator[StoredFile]:
        """Yield all objects whose key starts with ``prefix``, in as few requests as the store allows."""

    def folders(self) -> Iterator[str]:
        """Yield the names of the folders at the top, where batches are, without a look into them."""

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects; a key that is not there is no error."""

    def sweep(self, prefix: str) -> None:
        """Remove what interrupted writers left below ``prefix``; nobody else may be writing there."""

    def address(self, key: str) -> str:
        """Return the key as a path or URI for a person."""

    def https_address(self, key: str, signed_seconds: int = 0) -> str:
        """Return the address of a key in a browser, or nothing where it has none.

        It leads to AWS's console, whose user has to be logged in; with ``signed_seconds`` everybody can open it, for
        so long.
        """
