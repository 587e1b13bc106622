"""Print what the image needs from PyPI: the package, the calibration programs and the trigger."""

import re
import sys
import tomllib
from pathlib import Path

NOT_IN_IMAGE = ("snakemake",)
"""In a container the package runs by itself, or in a rule of a Snakemake outside."""


def main(pyproject: Path) -> None:
    """Print the requirements that a project file names, one a line."""
    project = tomllib.loads(pyproject.read_text())["project"]
    extras = project["optional-dependencies"]
    for requirement in [*project["dependencies"], *extras["cal"], *extras["trigger"]]:
        if re.split(r"[^\w-]", requirement)[0] not in NOT_IN_IMAGE:
            print(requirement)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
