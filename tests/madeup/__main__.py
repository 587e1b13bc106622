"""Write the demo's made-up inputs and CRDS cache: ``python -m tests.madeup DEST``."""

import argparse
from pathlib import Path

from .demo_hstcal import write_whole_demo


def main() -> None:
    """Parse the command line and write the demo."""
    parser = argparse.ArgumentParser(prog="python -m tests.madeup", description=write_whole_demo.__doc__)
    parser.add_argument("dest", type=Path, metavar="DEST", help="folder that receives inputs/ and crds/")
    write_whole_demo(parser.parse_args().dest)


if __name__ == "__main__":
    main()
