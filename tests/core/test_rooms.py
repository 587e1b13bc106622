"""Imports run one way: down the list of rooms, and never in a circle, between rooms or inside one."""

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import hstdputils

PACKAGE = Path(hstdputils.__file__).parent

ROOMS = """
    __main__
    trigger
    workflow_run docker_run
    run submit watch status cancel rescue clean list
    report verify affected
    doctor sync resources capture
    process
    plan
    progress
    engines
    calibrate
    containers
    references
    inputs
    previews
    model
    records
    store
    supervision
    fits
    core
"""
"""The rooms, from the top floor down; those of one line know nothing of one another."""

FLOORS = {room: floor for floor, line in enumerate(ROOMS.split("\n")) for room in line.split()}


def modules() -> Iterator[tuple[str, Path]]:
    """Yield the dotted names of all modules, without the package's, and their files."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.name != "__init__.py":
            yield ".".join(path.relative_to(PACKAGE).with_suffix("").parts), path


def imported(path: Path, known: set[str]) -> Iterator[str]:
    """Yield the modules of the package that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "hstdputils":
            base = node.module.partition(".")[2]
            for alias in node.names:
                name = f"{base}.{alias.name}".lstrip(".")
                found = name if name in known else base
                assert found in known or (base, alias.name) == ("", "__version__"), f"{path}: {name}"
                if found:
                    yield found


def graph() -> dict[str, set[str]]:
    """Return what each module imports."""
    paths = dict(modules())
    return {name: set(imported(path, set(paths))) for name, path in paths.items()}


def test_no_module_needs_itself():
    try:
        TopologicalSorter(graph()).prepare()
    except CycleError as error:
        raise AssertionError(f"modules that need each other: {' -> '.join(error.args[1])}") from None


def test_imports_run_down_the_list_of_rooms():
    up = [
        f"{name} -> {other}"
        for name, others in graph().items()
        for other in sorted(others)
        if (room := name.split(".")[0]) != (below := other.split(".")[0]) and FLOORS[room] >= FLOORS[below]
    ]
    assert not up, "\n".join(up)


def test_every_room_has_its_place():
    assert {name.split(".")[0] for name, _ in modules()} == set(FLOORS)


def test_rooms_hand_nothing_on():
    for path in PACKAGE.rglob("__init__.py"):
        statements = ast.parse(path.read_text()).body
        assert all(isinstance(one, ast.Expr | ast.Assign) for one in statements), path


def test_the_package_knows_nothing_of_snakemake():
    for path in PACKAGE.rglob("*.py"):
        assert "import snakemake" not in path.read_text(), path


def test_the_keys_of_a_batch_are_spelled_in_one_module():
    folder = re.compile(r"""f(["'])\{[\w.]*batch(_name)?\}/|["'](markers/?|plan-slices/?|jobs/|decisions/)["']""")
    spelled = {path for path in PACKAGE.rglob("*.py") if folder.search(path.read_text())}
    assert spelled == {PACKAGE / "store/layout.py"}
