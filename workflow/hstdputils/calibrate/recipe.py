"""Recipes: for each instrument and kind of mosaic, the programs to run and what they must produce.

Each instrument of the table has its recipe in the module of its name; those of mosaics are in ``hap``.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module

from hstdputils.core.datasets import Dataset
from hstdputils.core.errors import ExitCode, UserError
from hstdputils.core.instruments import INSTRUMENTS, Inputs
from hstdputils.core.text import nearest
from hstdputils.inputs.observation import Observation, RawFile

VERSION_KEYWORDS = ("CSYS_VER", "AWSDPVER", "AWSYSVER")
"""Keywords with versions of HST's operational systems, set in raw files where environment variables of the same name
are set. Source: caldp."""


@dataclass(frozen=True, slots=True)
class Program:
    """A calibration program."""

    name: str
    """The command's name, looked for on PATH."""
    distribution: str
    """The Python distribution that it comes from, whose version it has."""
    advice: str
    """How a user gets it."""


@dataclass(frozen=True, slots=True)
class Command:
    """One run of a calibration program, in the folder with the inputs."""

    program: Program
    """The program."""
    arguments: tuple[str, ...]
    """Its arguments."""
    exit_code: ExitCode
    """The exit code of an attempt in which it fails."""
    accepted: frozenset[int] = frozenset({0})
    """Exit statuses that are not failures."""
    nothing_to_do: Mapping[int, str] = field(default_factory=dict)
    """Exit statuses that are not failures and leave no product, with the reason."""
    needs: tuple[str, ...] = ()
    """Files that an earlier command must have made: without them the program would do something else."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a dataset's calibration must produce."""

    products: frozenset[str]
    """Names of files that must exist, complete and not empty."""
    may_be_empty: frozenset[str] = frozenset()
    """Those of them that may hold no data, because all their exposures are empty."""
    note: str = ""
    """Why nothing is expected of some or all exposures."""
    listed_in: frozenset[str] = frozenset()
    """Names of text files that must exist and list products, one a line, that must exist, too."""


def empty_products(made: Mapping[str, Sequence[RawFile]]) -> set[str]:
    """Return the products that may hold no data, given the raw files that each product is made from."""
    return {name for name, raws in made.items() if all(raw.is_empty for raw in raws)}


@dataclass(frozen=True, slots=True)
class Recipe:
    """How datasets of one instrument, or mosaics of one kind, are calibrated."""

    inputs: Inputs
    """Their inputs: the instrument's entry in the table of instruments."""
    programs: tuple[Program, ...]
    """All programs that the commands may need."""
    keywords: Mapping[str, int | str]
    """Keywords set in the primary headers of the raw files."""
    commands: Callable[[Observation, int], list[Command]]
    """Returns the commands for an observation, in order, given the number of cores."""
    expected: Callable[[Observation], Expectation]
    """Returns what they must produce."""
    is_aligned: bool = False
    """Whether a program aligns images with astrometric catalogues."""
    unsaved_suffixes: frozenset[str] = frozenset()
    """Suffixes of files that are not saved with the products."""
    saved: Callable[[Dataset], Iterable[str]] | None = None
    """Returns patterns of the names of files that are saved; none where all are."""
    needs_references: Callable[[Observation], Iterable[RawFile]] | None = None
    """For inputs that are calibrated already: returns those whose references the programs need; none for raw files,
    which all get the names of the best references."""
    revised: Callable[[Observation, Iterable[str], Mapping[str, str]], Expectation] | None = None
    """Returns what the programs must have produced, given the lines that they printed and their environment; none
    where these change nothing."""

    @property
    def name(self) -> str:
        """Return the instrument, lower case, or the kind of mosaic."""
        return self.inputs.name

    @property
    def input_suffixes(self) -> frozenset[str]:
        """Return the suffixes of the files that calibration reads."""
        return self.inputs.input_suffixes

    @property
    def raw_suffixes(self) -> frozenset[str]:
        """Return the suffixes of raw files, which get the names of the best references."""
        return self.inputs.raw_suffixes

    @property
    def has_member_files(self) -> bool:
        """Tell whether each exposure of an association has raw files of its own."""
        return self.inputs.has_member_files


@cache
def _recipes_of(module: str) -> Mapping[str, Recipe]:
    """Return the recipes of a module, by name."""
    found = vars(import_module(f"hstdputils.calibrate.{module}"))
    return {recipe.name: recipe for recipe in found.values() if isinstance(recipe, Recipe)}


def recipe_for(dataset: Dataset) -> Recipe:
    """Return the recipe for a dataset."""
    module, name = ("hap", str(dataset.kind)) if dataset.is_mosaic else (dataset.instrument, dataset.instrument)
    return _recipes_of(module)[name]


def check_program_names(names: Iterable[str]) -> None:
    """Raise `UserError` for a name that no calibration program has."""
    recipes = [recipe for module in (*INSTRUMENTS, "hap") for recipe in _recipes_of(module).values()]
    known = sorted({program.name for recipe in recipes for program in recipe.programs})
    for name in names:
        if name not in known:
            raise UserError(
                f"{name!r} is not a calibration program{nearest(name, known)}: the programs are {', '.join(known)}"
            )


def set_keywords(raws: Sequence[RawFile], recipe: Recipe) -> None:
    """Set the recipe's keywords, and versions of HST's systems, in the primary headers of raw files.

    As caldp does, the versions are not set in a wavecal of STIS beside the exposure that it belongs to.
    """
    from astropy.io import fits

    versions = {name: os.environ[name] for name in VERSION_KEYWORDS if os.environ.get(name)}
    with_versions = {raw.path for raw in raws if raw.suffix.startswith("raw")} or {raw.path for raw in raws}
    for raw in raws:
        keywords = {**recipe.keywords, **(versions if raw.path in with_versions else {})}
        if not keywords:
            continue
        with fits.open(raw.path, mode="update", memmap=False) as hdus:
            for name, value in keywords.items():
                hdus[0].header[name] = value  # update() would drop the comments of existing cards
