"""Imports run one way: no two rooms of the package need each other."""

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import hstdputils

PACKAGE = Path(hstdputils.__file__).parent


def imported(path: Path) -> Iterator[str]:
    """Return the rooms that a module imports from."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("hstdputils"):
            parts = node.module.split(".")[1:]
            yield from parts[:1] or [alias.name for alias in node.names if alias.name != "__version__"]


def test_rooms_have_an_order():
    rooms: dict[str, set[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        rooms.setdefault(room, set()).update(set(imported(path)) - {room})
    try:
        order = list(TopologicalSorter(rooms).static_order())
    except CycleError as error:
        raise AssertionError(f"rooms that need each other: {' -> '.join(error.args[1])}") from None
    assert order.index("exit_codes") < order.index("outcomes") < order.index("attempts") < order.index("process")


def test_the_package_knows_nothing_of_snakemake():
    for path in PACKAGE.rglob("*.py"):
        assert "import snakemake" not in path.read_text(), path


def test_the_keys_of_a_batch_are_spelled_in_one_module():
    folder = re.compile(r"""f(["'])\{[\w.]*batch(_name)?\}/|["'](markers/?|plan-slices/?|jobs/|decisions/)["']""")
    spelled = {path for path in PACKAGE.rglob("*.py") if folder.search(path.read_text())}
    assert spelled == {PACKAGE / "store/layout.py"}
