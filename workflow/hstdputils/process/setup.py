"""What all attempts of one call share: its settings, the store, sources, CRDS, programs, and what the batch pins."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hstdputils.calibrate.drizzlepac import astrometry_variables, describe
from hstdputils.calibrate.programs import Programs
from hstdputils.calibrate.recipe import Recipe
from hstdputils.core.datasets import Dataset
from hstdputils.core.errors import ExitCode, UserError
from hstdputils.core.outcomes import AttemptFailed, Outcome
from hstdputils.core.text import nearest
from hstdputils.inputs.registry import open_sources
from hstdputils.inputs.unpacking import MAX_UNPACKED_MIB
from hstdputils.records.batch import Batch, Pins
from hstdputils.records.families import known_issues
from hstdputils.references.crds import Crds
from hstdputils.references.digests import read_reference_list
from hstdputils.store.probe import NO_CONDITIONAL_WRITES, RUN_ONE_AT_A_TIME
from hstdputils.store.registry import is_none, open_store

OVERHEAD_SECONDS = 7200.0
"""Default wall time of an attempt besides calibration, s; it is never shorter than the limit of calibration."""


FAULT_VARIABLE = "HSTDP_FAULT"
"""The environment variable that injects a fault: ``<outcome>``, or ``<outcome>:<ipppssoot>`` for one dataset."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one call."""

    output: str
    """The store's URI, or ``none``."""
    batch: str
    """The batch's name."""
    inputs: Sequence[str]
    """Sources of inputs, in order of preference; none for the public bucket and MAST."""
    work: Path
    """Where work folders are made."""
    context: str | None = None
    """The CRDS context that the user wants."""
    plan_row: dict[str, Any] | None = None
    """The plan row of the dataset, with the memory and time that this try has."""
    max_seconds: float | None = None
    """Wall time that calibration may take, s; none for no limit."""
    overhead_seconds: float = OVERHEAD_SECONDS
    """Wall time that everything besides calibration may take, s."""
    try_number: int = 1
    """Number of this try within one run."""
    references: Path | None = None
    """The list of references that ``sync`` made, which the cache must still agree with."""
    force: bool = False
    """Process datasets that have succeeded already."""
    wait: bool = False
    """Wait for another process at work on the dataset, instead of giving up."""
    keep_work: str = "never"
    """Whether work folders are kept: ``never``, ``failed`` or ``always``."""
    keep_inputs: Path | None = None
    """A folder that caches inputs from S3 and MAST; none to fetch them each time."""
    max_unpacked_mib: int = MAX_UNPACKED_MIB
    """Largest size that the packed inputs of a dataset may unpack to, MiB."""
    programs: Mapping[str, str] = field(default_factory=dict)
    """Commands that replace calibration programs, by the program's name."""
    program_variables: Sequence[str] = ()
    """Names, or patterns of names, of further environment variables that programs get."""
    dataset_variables: Sequence[str] = ()
    """Names, or patterns of names, of further variables that a dataset's own file may set for programs."""
    astrometry: bool | None = None
    """Whether images are aligned with catalogues; none to follow drizzlepac's own variables."""
    known_issues: Sequence[str] = ()
    """Files of known issues, by which failures are grouped, beside those that come with hstdputils."""

    @property
    def vcpus(self) -> int:
        """Return the cores that programs may use."""
        return int((self.plan_row or {}).get("vcpus", 1))

    def stored_batch(self) -> Batch | None:
        """Return the batch in its store; none where products are not stored."""
        return None if is_none(self.output) else Batch(open_store(self.output), self.batch)


class Setup:
    """What the attempts of one call share.

    The first dataset determines the CRDS context, the versions of programs and the alignment of images, which are
    pinned to the batch; further datasets have to agree with them.

    Parameters
    ----------
    settings
        The settings.

    Raises
    ------
    UserError
        Sources, references, CRDS or known issues cannot be used as the settings say.
    StoreError
        The store cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        if settings.known_issues:
            known_issues(*settings.known_issues)  # a wrong file is an error before anything is done
        self.batch = settings.stored_batch()
        """The batch in its store; none where products are not stored."""
        if self.batch is not None:
            self.batch.store.check()
        self.sources = open_sources(settings.inputs, settings.keep_inputs)
        self.crds = Crds(read_reference_list(settings.references).records if settings.references else None)
        self.programs = Programs(settings.programs, settings.program_variables)
        self.context = ""
        """The CRDS context, once it is known."""
        self.versions: dict[str, str] = {}
        """Versions, by name, of the programs that datasets have needed so far."""
        self.astrometry = astrometry_variables(settings.astrometry)
        """Drizzlepac's variables for the alignment of images."""
        self._pinned: dict[str, str] = {}

    @property
    def known_context(self) -> str:
        """Return the CRDS context, or the wanted one where it is not known yet; empty where there is neither."""
        return self.context or self.settings.context or ""

    @property
    def transfer_exit_code(self) -> ExitCode:
        """Return the exit code of transfers from the first source that is not on this machine."""
        remote = (source.exit_code for source in self.sources if source.exit_code is not ExitCode.INPUTS)
        return next(remote, ExitCode.INPUTS)

    def check(self, recipe: Recipe, folder: Path) -> None:
        """Check that the programs of a recipe can run in a folder, and that the batch has the wanted context.

        CRDS is not asked for anything.

        Raises
        ------
        UserError
            They cannot, or it has another one.
        """
        for program in recipe.programs:
            self.programs.check(program, folder)
        settings = self.settings
        if self.batch is not None and settings.context and not settings.force and not self.context:
            self.batch.check_pins(Pins(settings.context, {}))

    def pin(self, recipe: Recipe) -> None:
        """Determine what a recipe's datasets are made with; pin it to the batch, or compare it with what is pinned.

        Raises
        ------
        UserError
            The batch was made with something else, a program cannot be run, or there is no such context.
        """
        new = {program.name: program for program in recipe.programs if program.name not in self.versions}
        products = {"astrometry": describe(self.astrometry)} if recipe.is_aligned else {}
        if self.context and not new and products.keys() <= self._pinned.keys():
            return
        batch, wanted, force = self.batch, self.settings.context, self.settings.force
        if wanted is None and batch is not None:
            pinned = batch.pins()
            wanted = pinned.crds_context if pinned and (pinned.are_settled or not force) else None
        self.context = self.context or self.crds.resolve_context(wanted)
        versions = self.versions | {name: self.programs.version(program) for name, program in new.items()}
        if batch is not None:
            pinned = batch.pin(Pins(self.context, versions, products), force=force)
            if pinned.conditional_writes is False and not self.versions:
                print(
                    f"note: the store {batch.store.uri} {NO_CONDITIONAL_WRITES}: {RUN_ONE_AT_A_TIME}", file=sys.stderr
                )
        self.versions = versions
        self._pinned |= products


def injected_fault(dataset: Dataset) -> Outcome | None:
    """Return the outcome that an operator injects as a fault into attempts at a dataset, or none.

    Raises
    ------
    UserError
        The variable does not name an outcome.
    """
    text = os.environ.get(FAULT_VARIABLE, "")
    word, _, name = text.partition(":")
    if not word:
        return None
    known = [str(outcome) for outcome in Outcome]
    if word not in known:
        raise UserError(
            f"{FAULT_VARIABLE}={text}: {word!r} is not a valid outcome{nearest(word, known)}: give {', '.join(known)}"
        )
    return Outcome(word) if name.lower() in ("", dataset.ipppssoot) else None


def inject_fault(dataset: Dataset) -> None:
    """End the attempt at a dataset here, where an operator injects a fault.

    Raises
    ------
    AttemptFailed
        With the outcome that is injected.
    """
    outcome = injected_fault(dataset)
    if outcome is not None and outcome is not Outcome.SUCCEEDED:
        reason = f"fault injection: {FAULT_VARIABLE}={os.environ[FAULT_VARIABLE]}"
        raise AttemptFailed(outcome, outcome.exit_code, reason)
