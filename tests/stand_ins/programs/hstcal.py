"""Stand-ins for hstcal's programs, which no package index has, and for runastrodriz.

They insist on what the real programs insist on (arguments, variables, no earlier outputs), and leave files of the
names that the real ones leave.
"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT, Commands

_PROGRAM = """\
#!{python} -SE
import os, pathlib, subprocess, sys, time
if "--version" in sys.argv:
    print("10.5.0 (stand-in)")
    sys.exit()
print("stand-in", *sys.argv[1:], flush=True)
called = " ".join(sys.argv[1:])
target = sys.argv[-1].partition("_")[0]
calls, variable, behaviours = {calls!r}, {variable!r}, {behaviours!r}
if called not in calls:
    print(f"ERROR: called with {{called}}")
    sys.exit(2)
if not os.environ[variable].endswith("/") or os.environ["OMP_THREAD_LIMIT"] != "1":
    print(f"ERROR: the environment is wrong: {{os.environ[variable]}}")
    sys.exit(2)
needs, makes = (names.split() for names in calls[called])
if missing := [name for name in needs if not pathlib.Path(name).exists()]:
    print(f"ERROR: Open failed: {{missing}}")
    sys.exit(2)
for name in needs:
    content = pathlib.Path(name).read_bytes()
    if not content.startswith(b"SIMPLE") or len(content) % 2880:
        print(f"TypeError: buffer is too small for requested array: {{name}}")
        sys.exit(1)
cards = ["SIMPLE  =                    T", "BITPIX  =                   16", "NAXIS   =                    2"]
cards += ["NAXIS1  =                   40", "NAXIS2  =                   36", "END"]
product = "".join(card.ljust(80) for card in cards).ljust(2880).encode() + bytes(range(240)) * 12

def make(content=product):
    for name in makes:
        if pathlib.Path(name).exists():
            print(f"Warning    Output file `{{name}}' already exists.\\nERROR:             status = 1021")
            sys.exit(2)
        pathlib.Path(name).write_bytes(content)

exec(behaviours.get(target) or behaviours.get("all") or "make()")
if sys.argv[-1].endswith("_asn.fits"):
    table = pathlib.Path(sys.argv[-1])
    made = b"ASN_PROD=                    "
    table.write_bytes(table.read_bytes().replace(made + b"F", made + b"T"))
"""

_LAUNCHER = """\
#!{python}
import sys
sys.path.insert(0, {root!r})
from {module} import main
sys.exit(main(sys.argv[1:]))
"""


@dataclass(frozen=True)
class Call:
    """One call that a stand-in expects."""

    arguments: str
    needs: str
    """Files that must be there."""
    makes: str
    """Files that the program leaves."""


def install(site: Commands, program: str, variable: str, *calls: Call, **behaviours: str) -> None:
    """Write a stand-in into the folder ``bin``, which comes first on PATH.

    Parameters
    ----------
    site
        The commands whose PATH finds it.
    program
        The program that it stands for.
    variable
        The variable in which it looks for its reference files, such as ``jref``.
    calls
        The calls that it expects.
    behaviours
        Python statements that run in place of ``make()``, by the exposure's or association's name, or for ``all``.
    """
    facts = {call.arguments: (call.needs, call.makes) for call in calls}
    text = _PROGRAM.format(python=sys.executable, calls=facts, variable=variable, behaviours=behaviours)
    folder = write_program(site.folder / "bin", program, text).parent
    if not site.environment()["PATH"].startswith(f"{folder}{os.pathsep}"):
        site.variables["PATH"] = f"{folder}{os.pathsep}{site.environment()['PATH']}"


def write_launcher(folder: Path, program: str, module: str) -> Path:
    """Write a program that runs ``main`` of a module of these tests, and return its path."""
    return write_program(folder, program, _LAUNCHER.format(python=sys.executable, root=str(ROOT), module=module))


def write_program(folder: Path, program: str, text: str) -> Path:
    """Write a program, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / program
    path.write_text(text)
    path.chmod(0o755)
    return path
