"""Made-up finished runs: a law of memory and time that a fitted model has to find."""

import csv
from pathlib import Path

import numpy as np

from hstdputils.model.features import Features

PROGRAMS = ("8aa", "8ab", "8ac", "9ba", "9bb", "9bc", "9bd", "9be", "aca", "acb", "acc", "acd")
LETTERS = {"i": 20.0, "j": 30.0, "l": 8.0, "o": 4.0}
"""MiB for each MB of input + 100, by instrument."""


def rows(seed: int = 0, exposures: int = 12) -> list[dict[str, object]]:
    """Return runs: memory follows the size of the input, three times as steeply where DRIZCORR is PERFORM."""
    random = np.random.default_rng(seed)
    found = []
    for letter, law in LETTERS.items():
        for program in PROGRAMS:
            for number in range(exposures):
                size, drizcorr = float(random.integers(10, 300)), float(number % 2)
                used = law * (1 + 2 * drizcorr) * (size + 100) * random.uniform(0.97, 1.0)
                values = Features(3.0 + number % 3, size, drizcorr, 1.0, 2.0, 0.0, 1.0, drizcorr)
                found.append(
                    {"ipst": f"{letter}{program}01{number:02x}{'0' if drizcorr else 'q'}"}
                    | values._asdict()
                    | {"memory": used * 2**20 / 1e9, "wallclock": 60 + size}
                )
    return found


def write(path: Path, table: list[dict[str, object]]) -> Path:
    """Write rows as a CSV table."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)
    return path
