"""Best references and what changes between contexts: the same as CRDS selects, type by type."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, Commands
from tests.madeup import changing_contexts

REAL_CONTEXTS = ("hst_0537.pmap", "hst_0613.pmap", "hst_0651.pmap", "hst_0729.pmap")


def against_crds(cache: Path, count: int, *words: str | Path) -> dict[str, Any]:
    commands = Commands(ROOT, CRDS_PATH=str(cache), CRDS_READONLY_CACHE="1")
    ran = commands.run(sys.executable, "-m", "tests.references.against_crds", str(count), *words)
    assert ran.status == 0, ran.said
    result: dict[str, Any] = json.loads(ran.out)
    return result


def test_made_up_rules_of_all_kinds_select_what_crds_selects(tmp_path: Path):
    changing_contexts.write_changing_contexts(tmp_path)
    result = against_crds(tmp_path, 1200, changing_contexts.OLD, changing_contexts.NEW)
    assert result["differences"] == []
    assert result["names"] > 1500, result
    assert result["changes"] > 500, result


@pytest.mark.slow
def test_real_rules_select_what_crds_selects_for_drawn_and_real_headers(real_data: Path, tmp_path: Path):
    subprocess.run(["tar", "-xJf", real_data / "crds/hst_0729.tar.xz"], cwd=tmp_path, check=True)
    raws = [path for path in sorted((real_data / "stpubdata").rglob("*_raw*.fits")) if "spt" not in path.name]
    assert len(raws) >= 8
    result = against_crds(tmp_path, 1000, *REAL_CONTEXTS, *raws)
    assert result["differences"] == []
    assert result["names"] > 40_000, result
    assert result["changes"] > 10_000, result
