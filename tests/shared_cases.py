"""Small inputs that once ended wrongly, which lie beside the repository where they are there."""

import tarfile
from pathlib import Path

import pytest

from tests.conftest import ROOT

CASES = ROOT.parent / "shared" / "cases"


def unpack_case(name: str, folder: Path) -> Path:
    """Unpack the inputs of a case, or skip the test; return the folder."""
    archive = CASES / f"{name}.tar.xz"
    if not archive.exists():
        pytest.skip(f"no {archive.name}: ../shared/cases is not there")
    with tarfile.open(archive) as members:
        members.extractall(folder, filter="data")
    return folder
