"""Stand-ins for runsinglehap and runmultihap, for tests in which only the way around them matters."""

import os
import sys

from tests.conftest import Commands
from tests.stand_ins.programs.hstcal import write_program

_PROGRAM = """\
#!{python} -SE
import os, pathlib, sys
print("stand-in", *sys.argv[1:], flush=True)
poller = pathlib.Path(sys.argv[1])
name = poller.name.removesuffix("_input.out")
if sys.argv[2:] or str(poller) != f"{{name}}_input.out" or os.environ["OMP_THREAD_LIMIT"] != "1":
    sys.exit(f"ERROR: called with {{sys.argv[1:]}} in {{dict(os.environ)}}")
lines = [line.split(",") for line in poller.read_text().splitlines()]
if missing := [fields[0] for fields in lines if not pathlib.Path(fields[0]).exists()]:
    print("Exception: Input image", *missing, "missing from current working directory")
    sys.exit(1)
cards = ["SIMPLE  =                    T", "BITPIX  =                   16", "NAXIS   =                    2"]
cards += ["NAXIS1  =                   40", "NAXIS2  =                   36", "END"]
image = "".join(card.ljust(80) for card in cards).ljust(2880).encode() + bytes(range(240)) * 12
instrument, detector, cells = "acs", lines[0][6].lower(), name.startswith("skycell")
if cells:
    makes = [f"hst_{{name}}_{{instrument}}_{{detector}}_f555w_all_drz.fits"]
else:
    visit = "j" + name[4:7] + name[8:]
    start = f"hst_9999_{{name[8:]}}_{{instrument}}_{{detector}}"
    makes = [f"{{start}}_{{part}}_{{visit}}_drz.fits" for part in ("f555w", "total")]
listed = list(makes)
{behaviour}
for product in makes:
    pathlib.Path(product).write_bytes(image)
    pathlib.Path(product.replace("_drz.fits", "_trl.txt")).write_text("trailer")
pathlib.Path("debris.fits").write_bytes(image)
pathlib.Path(f"{{name}}_manifest.txt").write_text("".join(f"{{product}}\\n" for product in listed))
"""


def install_hap(site: Commands, behaviour: str = "") -> None:
    """Write both programs into a folder that is first on PATH.

    They insist on their one argument and on the exposures in their folder, and make the mosaics of an ACS visit or
    sky cell with F555W. ``behaviour`` is Python, run before the products ``makes`` and the manifest's names
    ``listed`` are written.
    """
    for program in ("runsinglehap", "runmultihap"):
        write_program(site.folder / "bin", program, _PROGRAM.format(python=sys.executable, behaviour=behaviour))
    site.variables["PATH"] = f"{site.folder / 'bin'}{os.pathsep}{site.environment()['PATH']}"
