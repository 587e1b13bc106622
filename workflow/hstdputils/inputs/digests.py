"""Digests of files, taken while they are copied, so that no file is read for its digest alone."""

import hashlib
from pathlib import Path

_CHUNK = 2**20


def copy_with_digest(source: Path, target: Path) -> str:
    """Copy a file, and return the SHA-256 of the bytes that were copied.

    Raises
    ------
    OSError
        The file cannot be read, or its copy cannot be written.
    """
    digest = hashlib.sha256()
    with source.open("rb") as file, target.open("wb") as out:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            out.write(chunk)
    return digest.hexdigest()
