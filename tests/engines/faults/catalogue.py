"""What can go wrong where, and what does in the run of a seed."""

import random
from collections.abc import Callable
from functools import partial

from tests.engines.faults.batch_faults import BatchInTrouble, HostsAreLost
from tests.engines.faults.deaths import AllDie, HeadDies, JobDies, ProgramDies
from tests.engines.faults.disks import Corruption, FullStore, FullWork
from tests.engines.faults.mishaps import ClockJumps, LateListings, NoReference, SecondHead, StoreInTrouble
from tests.engines.faults.scene import Fault
from tests.stand_ins.s3.bad_store import KINDS

Make = Callable[[], Fault]

ANYWHERE: dict[str, Make] = {
    "head dies": HeadDies,
    "job dies": JobDies,
    "program dies": ProgramDies,
    "all die": AllDie,
    "full work": FullWork,
    "corruption": Corruption,
    "no reference": NoReference,
    "clock jumps": ClockJumps,
    "second head": SecondHead,
}
S3: dict[str, Make] = {f"store {kind}": partial(StoreInTrouble, kind) for kind in KINDS} | {
    "late listings": LateListings
}

FOLDER, BUCKET, BATCH, SNAKEMAKE = "run into a folder", "run into S3", "AWS Batch", "Snakemake"

FAULTS: dict[str, dict[str, Make]] = {
    FOLDER: ANYWHERE | {"full store": FullStore},
    BUCKET: ANYWHERE | S3,
    BATCH: ANYWHERE | S3 | {"hosts are lost": HostsAreLost, "Batch in trouble": BatchInTrouble},
    SNAKEMAKE: ANYWHERE,
}

SINGLES = [(way, [name]) for way in FAULTS for name in FAULTS[way]]
"""Each fault alone, in each way to run a batch; these are the first seeds."""

random.Random(0).shuffle(SINGLES)

_SHARES = {FOLDER: 8, BUCKET: 10, BATCH: 8, SNAKEMAKE: 1}
"""How often each way comes after that."""

MOST = 3
"""Faults of one run."""


def chosen(seed: int) -> tuple[str, list[str]]:
    """Return the way in which the batch of a seed runs, and what goes wrong: one thing, or several at once."""
    if seed < len(SINGLES):
        return SINGLES[seed]
    chance = random.Random(seed)
    (way,) = chance.choices(list(_SHARES), list(_SHARES.values()))
    return way, sorted(chance.sample(sorted(FAULTS[way]), chance.randint(1, MOST)))
