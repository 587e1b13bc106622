"""Which references the datasets of a plan need."""

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from hstdputils.calibrate.recipe import Recipe, recipe_for
from hstdputils.core.datasets import Dataset
from hstdputils.core.outcomes import AttemptFailed
from hstdputils.core.terminal import without_progress
from hstdputils.core.text import one_line
from hstdputils.inputs.fetch import fetch_inputs
from hstdputils.inputs.mosaics import fetch_mosaic, read_mosaic
from hstdputils.inputs.source import Source
from hstdputils.inputs.unpacking import MAX_UNPACKED_MIB, Unpacker
from hstdputils.records.log import AttemptLog
from hstdputils.references.bestrefs import REFERENCE, CrdsFailed, assign_bestrefs, named_references
from hstdputils.references.crds import DISTORTION, Crds
from hstdputils.sync.raw_headers import header_transfer, read_exposure, shorten

CHUNK = 200
"""Datasets whose headers are on disk at the same time, about 6 MB."""


PARALLEL = 16
"""Datasets whose headers are read at the same time."""


@dataclass(slots=True)
class Needs:
    """The references of a list of datasets."""

    references: dict[str, set[str]] = field(default_factory=dict)
    """By name of the reference: the datasets that need it."""
    problems: dict[str, str] = field(default_factory=dict)
    """By dataset: why not all its references are known or good."""


def find_needs(
    datasets: Sequence[Dataset],
    sources: Sequence[Source],
    crds: Crds,
    context: str,
    done: Callable[[int], object],
    max_unpacked_mib: int = MAX_UNPACKED_MIB,
) -> Needs:
    """Read the headers of raw files, and ask CRDS for their best references.

    Parameters
    ----------
    datasets
        The datasets.
    sources
        The sources of their raw files, in order of preference.
    crds
        CRDS.
    context
        The context, as `Crds.resolve_context` returned it.
    done
        Called with the number of datasets that are done since the last call.
    max_unpacked_mib
        What the packed inputs of a dataset may unpack to, MiB.
    """
    needs = Needs()
    with tempfile.TemporaryDirectory(prefix="hstdputils-sync-") as place:
        for number, first in enumerate(range(0, len(datasets), CHUNK)):
            folder = Path(place) / str(number)
            folder.mkdir()
            chunk = datasets[first : first + CHUNK]
            owners = _collect(chunk, sources, folder, needs, max_unpacked_mib)
            _assign(owners, folder, crds, context, needs)
            shutil.rmtree(folder)
            done(len(chunk))
    return needs


def _collect(
    datasets: Sequence[Dataset], sources: Sequence[Source], folder: Path, needs: Needs, max_unpacked_mib: int
) -> dict[str, set[str]]:
    """Write shortened raw files into one folder; return the datasets of each, by file name."""
    owners: dict[str, set[str]] = {}
    with without_progress(), ThreadPoolExecutor(PARALLEL) as pool:
        found = pool.map(
            lambda dataset: list(_shortened(dataset, sources, folder, needs, max_unpacked_mib)), datasets
        )
        for dataset, paths in zip(datasets, found, strict=True):
            for path in paths:
                owners.setdefault(path.name, set()).add(dataset.ipppssoot)
                path.replace(folder / path.name)
    return owners


def _shortened(
    dataset: Dataset, sources: Sequence[Source], folder: Path, needs: Needs, max_unpacked_mib: int
) -> Iterator[Path]:
    """Yield the raw files of a dataset, in a folder of its own, without data."""
    recipe = recipe_for(dataset)
    own = folder / f"of-{dataset}"
    own.mkdir()
    try:
        if dataset.is_mosaic:
            for reference in _references_of_mosaic(dataset, recipe, sources, own, max_unpacked_mib):
                needs.references.setdefault(reference, set()).add(dataset.ipppssoot)
            shutil.rmtree(own)  # a sky cell may have hundreds of exposures
            return
        paths, _ = fetch_inputs(
            *(dataset, sources, recipe.input_suffixes, own),
            has_member_files=recipe.has_member_files,
            unpacker=Unpacker(max_unpacked_mib),
            transfer=header_transfer(recipe),
        )
        raws = [path for path in paths if path.stem.partition("_")[2] in recipe.raw_suffixes]
        for path in paths:
            if path not in raws:
                path.unlink()
        for path in raws:
            shorten(path, recipe)
            yield path
        if not raws:
            needs.problems[dataset.ipppssoot] = "there is no raw file among its inputs: fetch them anew"
    except AttemptFailed as failure:
        needs.problems[dataset.ipppssoot] = failure.reason
    except OSError as error:
        needs.problems[dataset.ipppssoot] = one_line(error)


def _references_of_mosaic(
    dataset: Dataset, recipe: Recipe, sources: Sequence[Source], folder: Path, max_unpacked_mib: int
) -> set[str]:
    """Return the references for distortion of those exposures that the program makes a WCS for, as headers say."""
    assert recipe.needs_references is not None
    unpacker, transfer = Unpacker(max_unpacked_mib), header_transfer(recipe)
    fetch_mosaic(dataset, sources, folder, unpacker=unpacker, transfer=transfer)
    observation = read_mosaic(dataset, folder, read_exposure)
    values = {
        str(exposure.header.get(keyword, "")).strip()
        for exposure in recipe.needs_references(observation)
        for keyword in DISTORTION
    }
    return {match[2] for value in values if (match := REFERENCE.fullmatch(value))}


def _assign(owners: dict[str, set[str]], folder: Path, crds: Crds, context: str, needs: Needs) -> None:
    """Let CRDS name the references of all files in a folder."""
    if not owners:
        return
    paths = [folder / name for name in sorted(owners)]
    try:
        with AttemptLog(folder / "crds.log") as log:
            errors = assign_bestrefs(paths, context, log)
    except CrdsFailed as failure:
        errors = [str(failure)]
    for error in errors:
        named = {name for name in re.findall(r"\w+\.fits", error) if name in owners} or owners.keys()
        for dataset in {dataset for name in named for dataset in owners[name]}:
            needs.problems.setdefault(dataset, crds.explained(error, context))
    for path in paths:
        for reference in (named.name for named in named_references(path)):
            if reference.lower() in crds.bad_files:
                for dataset in owners[path.name]:
                    needs.problems[dataset] = f"CRDS lists {reference} as bad under {context}: use a later context"
            else:
                needs.references.setdefault(reference, set()).update(owners[path.name])
