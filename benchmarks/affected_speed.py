"""How long it takes to tell what a CRDS context changes for many headers, beside CRDS's own selection, in one run.

    python benchmarks/affected_speed.py CRDS [HEADERS] [--from hst_0613.pmap] [--to hst_0729.pmap]

CRDS is a cache (``CRDS_PATH``) with both contexts. HEADERS (1,000,000) headers are of 1,000 configurations, drawn
from the rules of both contexts, with random dates; a tenth as many are all of configurations of their own. CRDS's
``getrecommendations`` gets 1,000 of each, under both contexts. All times are of CPU; reading headers is not in them.
"""

import argparse
import gc
import os
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "workflow"), str(ROOT)]

CONFIGURATIONS = 1_000
CHUNK = 1_000


def timed(work: Callable[[], object]) -> float:
    """Return the CPU time of some work, s."""
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cache", type=Path)
    parser.add_argument("headers", type=int, nargs="?", default=1_000_000)
    parser.add_argument("--from", dest="old", default="hst_0613.pmap")
    parser.add_argument("--to", dest="new", default="hst_0729.pmap")
    options = parser.parse_args()
    os.environ |= {"CRDS_PATH": str(options.cache), "CRDS_READONLY_CACHE": "1"}

    from tests.references.drawn_headers import INSTRUMENTS, Drawn

    from hstdputils.references.bestrefs import load_crds
    from hstdputils.references.comparison import Comparison
    from hstdputils.references.selection import ContextRules

    imported = timed(load_crds)
    comparison = Comparison(ContextRules(options.old), ContextRules(options.new))
    loaded = timed(
        lambda: [comparison.changes({"INSTRUME": name.upper(), "DATE-OBS": "2015-01-01", "TIME-OBS": "00:00:00"})
                 for name in INSTRUMENTS]
    )  # fmt: skip
    drawn = Drawn((options.old, options.new), seed=1)

    def few() -> Iterator[dict[str, str]]:
        draw = random.Random(2)
        base = list(drawn.headers(CONFIGURATIONS))
        while True:
            for header in base:
                day = f"{draw.randrange(1997, 2020)}-{draw.randrange(1, 13):02}-{draw.randrange(1, 29):02}"
                clock = f"{draw.randrange(24):02}:{draw.randrange(60):02}:{draw.randrange(60):02}"
                yield header | {"DATE-OBS": day, "TIME-OBS": clock}

    def ours(headers: Iterator[dict[str, str]], count: int) -> float:
        fresh = Comparison(ContextRules(options.old), ContextRules(options.new))
        seconds = 0.0
        for _ in range(0, count, CHUNK):
            chunk = list(islice(headers, CHUNK))
            seconds += timed(lambda chunk=chunk: [fresh.changes(header) for header in chunk])
        return seconds

    def theirs(headers: Sequence[dict[str, str]]) -> float:
        best = load_crds().getrecommendations
        return timed(
            lambda: [
                best(header, context=context, observatory="hst", fast=True)
                for context in (options.old, options.new)
                for header in headers
            ]
        ) / len(headers)

    gc.freeze()
    print(f"importing CRDS {imported:.2f} s, both contexts {loaded:.2f} s\n")
    print("| headers | CPU, s | a header, us | CRDS, us | CRDS / ours |\n| --- | --- | --- | --- | --- |")
    kinds = (
        ("of 1,000 configurations", few(), options.headers),
        ("all different", drawn.headers(10**9), options.headers // 10),
    )
    for name, headers, count in kinds:
        seconds, crds = ours(headers, count), theirs(list(islice(headers, CHUNK)))
        each = seconds / count
        figures = f"{seconds:.1f} | {1e6 * each:.1f} | {1e6 * crds:,.0f} | {crds / each:,.0f}"
        print(f"| {count:,} {name} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
