"""Hold our selection of references against CRDS's own; run in a process of its own, for CRDS remembers its cache.

``python -m tests.references.against_crds HEADERS CONTEXT... [FILE.fits...]`` prints, as JSON, how many answers were
compared, how many of them name a reference, and those that differ. Of files, CRDS reads the headers, and we have what
a marker keeps of them.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

from hstdputils.references.bestrefs import all_selecting_keywords, load_crds
from hstdputils.references.comparison import Comparison
from hstdputils.references.exposure_keywords import pack, read_keywords, unpack
from hstdputils.references.selection import NONE, NOT_FOUND, ContextRules, plain
from tests.references.drawn_headers import INSTRUMENTS, Drawn


def main(count: int, contexts: Sequence[str], files: Sequence[str]) -> dict[str, Any]:
    """Compare."""
    crds = load_crds()
    headers = list(Drawn(contexts, seed=1).headers(count))
    kept = unpack(pack(read_keywords(map(Path, files), _all_keywords(contexts))))
    ours = headers + [kept[Path(file).stem] for file in files]
    headers += [crds.data_file.get_free_header(file, (), None, "hst") for file in files]
    result: dict[str, Any] = {"answers": 0, "names": 0, "changes": 0, "differences": []}
    theirs: dict[str, list[dict[str, str]]] = {}
    for context in contexts:
        theirs[context] = [
            crds.getrecommendations(header, context=context, observatory="hst", fast=True) for header in headers
        ]
        rules = ContextRules(context)
        for number, (header, wanted) in enumerate(zip(ours, theirs[context], strict=True)):
            found = rules.best(header)
            result["answers"] += len(wanted)
            result["names"] += sum(not name.startswith(NOT_FOUND) for name in wanted.values())
            for kind in sorted({*found, *wanted}):
                if found.get(kind) != wanted.get(kind):
                    result["differences"].append([context, number, kind, found.get(kind), wanted.get(kind)])
    for old, new in permutations(contexts, 2):
        comparison = Comparison(ContextRules(old), ContextRules(new))
        for number, header in enumerate(ours):
            found_pairs = {(one.type, one.old, one.new) for one in comparison.changes(header)}
            pairs = set(_changes(theirs[old][number], theirs[new][number]))
            result["changes"] += len(pairs)
            result["differences"] += [[old, new, number, *one] for one in sorted(found_pairs ^ pairs)]
    return result


def _all_keywords(contexts: Sequence[str]) -> set[str]:
    return set().union(*(all_selecting_keywords(context, name) for context in contexts for name in INSTRUMENTS))


def _changes(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    for kind in {*old, *new}:
        before, after = plain(old.get(kind)), plain(new.get(kind))
        is_error = [one.startswith(NOT_FOUND) for one in (before, after)]
        if before != after and not all(is_error) and not (is_error[0] and after == NONE):
            yield kind, before, after


if __name__ == "__main__":
    words = sys.argv[2:]
    contexts = [word for word in words if word.endswith(".pmap")]
    print(json.dumps(main(int(sys.argv[1]), contexts, [word for word in words if word not in contexts])))
