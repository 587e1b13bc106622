"""What is known of the datasets of a plan beside their names: features and their own finished runs."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hstdputils.model.features import Features, Measured

SHOWN = 5
"""Datasets without features that are named, a line each."""


@dataclass(slots=True)
class Evidence:
    """What is known of datasets."""

    features: Mapping[str, Features] = field(default_factory=dict)
    """Features, by dataset."""
    measured: Mapping[str, Measured] = field(default_factory=dict)
    """What their own runs have used, by dataset."""


def gather(names: Sequence[str], table: Path | None, inputs: Sequence[str], history: Path | None) -> Evidence:
    """Gather what is known of datasets; what cannot be read of single ones is noted on standard error.

    Parameters
    ----------
    names
        The datasets.
    table
        A table of features, which comes before those of the history, and these before headers; or none.
    inputs
        Sources whose headers are read, in order of preference.
    history
        The database of finished runs; or none.

    Raises
    ------
    UserError
        A file cannot be read, or a source is not a valid one.
    """
    evidence = Evidence()
    if history:
        from hstdputils.model.history import History

        with History(history) as runs:
            evidence.measured, evidence.features = runs.measured(names), runs.features(names)
    if table:
        from hstdputils.model.tables import read_features_table

        known = read_features_table(table)
        evidence.features = {**evidence.features, **known} if evidence.features else known
    if inputs:
        evidence.features = {**evidence.features, **_read_headers(names, inputs, evidence.features)}
    return evidence


def _read_headers(
    names: Sequence[str], inputs: Sequence[str], features: Mapping[str, Features]
) -> dict[str, Features]:
    """Read the features that are not known yet from listings and headers."""
    from hstdputils.core.terminal import count_progress
    from hstdputils.inputs.features import read_features
    from hstdputils.inputs.registry import open_sources

    sources = [source for source in open_sources(inputs) if source.is_quick]
    left = [name for name in names if name not in features]
    if not sources or not left:
        return {}
    with count_progress("headers", len(left)) as done:
        found = read_features(left, sources, done)
    for uri, reason in found.failures.items():
        print(f"note: no features from {uri.removesuffix(':')}: {reason}", file=sys.stderr)
    for name, reason in sorted(found.problems.items())[:SHOWN]:
        print(f"note: no features of {name}: {reason}", file=sys.stderr)
    if len(found.problems) > SHOWN:
        print(f"note: no features of {len(found.problems) - SHOWN} more, for such reasons", file=sys.stderr)
    if found.missing:
        more = f" and {len(found.missing) - SHOWN:,} more" if len(found.missing) > SHOWN else ""
        where = ", ".join(source.uri for source in sources)
        print(
            f"note: {len(found.missing):,} of {len(left):,} ids are in none of the sources that were looked into "
            f"({where}): {', '.join(found.missing[:SHOWN])}{more}: check them",
            file=sys.stderr,
        )
    return found.features
