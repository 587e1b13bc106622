"""A stand-in for calcos, for tests in which only the way around it matters."""

import os
import sys
from pathlib import Path

_SCRIPT = """\
#!{python} -SE
import pathlib, sys, time
{extra}
if sys.argv[1] == "--version":
    sys.exit("3.6.2")
target = sys.argv[1]
print("stand-in calcos", target, flush=True)
calls = pathlib.Path({calls!r})
with calls.open("a") as file:
    file.write(target + "\\n")
count = calls.read_text().splitlines().count(target)
{behaviour}
cards = ["SIMPLE  =                    T", "BITPIX  =                    8", "NAXIS   =                    1"]
cards += ["NAXIS1  =                 2880", "END"]
data = "".join(card.ljust(80) for card in cards).ljust(2880).encode() + b"x" * 2880
root = target.split("_")[0]
suffixes = {{"rawacq.fits": ["flt", "counts"], "rawtag.fits": ["flt", "counts", "corrtag", "x1d"]}}
for suffix in suffixes[target.partition("_")[2]]:
    pathlib.Path(f"{{root}}_{{suffix}}.fits").write_bytes(data)
"""


def write_calcos(folder: Path, behaviour: str = "", extra: str = "") -> Path:
    """Write a ``calcos`` that makes the products of a single NUV exposure, after running ``behaviour``.

    Parameters
    ----------
    folder
        Where the program is written; to be put first on PATH.
    behaviour
        Python statements, which see ``target`` (the argument) and ``count`` (how often it was called with it).
    extra
        Python statements at the start.

    Returns
    -------
    calls
        A file with one line a call: the argument.
    """
    folder.mkdir(parents=True, exist_ok=True)
    calls = folder / "calls.txt"
    calls.touch()
    program = folder / "calcos"
    program.write_text(_SCRIPT.format(python=sys.executable, calls=str(calls), behaviour=behaviour, extra=extra))
    program.chmod(0o755)
    return calls


def write_bare_python(folder: Path) -> dict[str, str]:
    """Link the interpreter into a folder of its own, as ``python``, where no calibration program is.

    Parameters
    ----------
    folder
        The new folder.

    Returns
    -------
    variables
        PATH and PYTHONPATH with which it finds no calibration program, but all packages.
    """
    folder.mkdir()
    (folder / "python").symlink_to(sys.executable)
    packages = os.pathsep.join(path for path in sys.path if path)
    return {"PATH": f"{folder}:/usr/bin:/bin", "PYTHONPATH": packages}
