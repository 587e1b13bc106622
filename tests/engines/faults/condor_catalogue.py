"""What can go wrong on HTCondor, and what does in the run of a seed."""

import random
from functools import partial

from tests.engines.faults.catalogue import ANYWHERE, MOST, S3, Make
from tests.engines.faults.condor_faults import (
    DaemonRestarts,
    DaemonsDie,
    JobIsHeld,
    JobIsRemoved,
    JobsAreVacated,
    MachineDies,
    ToolsInTrouble,
)
from tests.engines.faults.disks import FullStore

CONDOR: dict[str, Make] = {
    "starters die": partial(DaemonsDie, "condor_starter"),
    "shadows die": partial(DaemonsDie, "condor_shadow"),
    "schedd dies": partial(DaemonsDie, "condor_schedd"),
    "schedd restarts": partial(DaemonRestarts, "schedd"),
    "startd restarts": partial(DaemonRestarts, "startd"),
    "machine dies": MachineDies,
    "jobs are vacated": JobsAreVacated,
    "job is held": JobIsHeld,
    "job is removed": JobIsRemoved,
    "tools in trouble": ToolsInTrouble,
}

FOLDER, BUCKET = "HTCondor into a folder", "HTCondor into S3"

FAULTS: dict[str, dict[str, Make]] = {
    FOLDER: ANYWHERE | CONDOR | {"full store": FullStore},
    BUCKET: ANYWHERE | CONDOR | S3,
}

_FIRST = [
    (FOLDER, ["job is held"]),
    (BUCKET, ["head dies", "schedd restarts"]),
    (BUCKET, ["job is removed", "starters die"]),
    (FOLDER, ["job dies", "second head"]),
    (FOLDER, ["clock jumps", "no reference"]),
]
"""The first seeds: all that matters most, and nothing that takes long."""


def chosen(seed: int) -> tuple[str, list[str]]:
    """Return where the batch of a seed goes, and what goes wrong: one thing, or several at once."""
    if seed < len(_FIRST):
        return _FIRST[seed]
    chance = random.Random(f"HTCondor {seed}")
    way = chance.choice((FOLDER, BUCKET))
    number = chance.randint(1, MOST)
    # one of HTCondor's own at least
    own = chance.choice(sorted(CONDOR))
    others = [name for name in sorted(FAULTS[way]) if name != own]
    return way, sorted([own, *chance.sample(others, number - 1)])
