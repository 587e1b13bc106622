"""What all datasets of a batch are made with: the CRDS context, the versions of programs, the alignment of images.

The first dataset settles it and pins it to the batch; the others are held against that.
"""

import sys

from hstdputils.calibrate.drizzlepac import astrometry_variables, describe
from hstdputils.calibrate.programs import Programs
from hstdputils.calibrate.recipe import Recipe
from hstdputils.records.batch import Batch, Pins
from hstdputils.references.crds import Crds
from hstdputils.store.probe import NO_CONDITIONAL_WRITES, RUN_ONE_AT_A_TIME


class Pinning:
    """Settles what datasets are made with, and pins it to their batch.

    Parameters
    ----------
    batch
        The batch in its store; none where nothing is kept there.
    crds, programs
        CRDS and the calibration programs of this set-up.
    astrometry
        Whether images are aligned with catalogues; none for what drizzlepac's own variables say.
    wanted_context
        The CRDS context that the user wants; none for the batch's, or else the operational one.
    force
        Whether the batch may change what it is made with.
    """

    def __init__(
        self,
        batch: Batch | None,
        crds: Crds,
        programs: Programs,
        *,
        astrometry: bool | None,
        wanted_context: str | None,
        force: bool,
    ) -> None:
        self.context = ""
        """The CRDS context, once it is settled."""
        self.versions: dict[str, str] = {}
        """Versions of the programs that datasets have needed until now, by name."""
        self.astrometry = astrometry_variables(astrometry)
        """Drizzlepac's variables for the alignment of images."""
        self._batch, self._crds, self._programs = batch, crds, programs
        self._wanted_context, self._force = wanted_context, force
        self._products: dict[str, str] = {}

    @property
    def known_context(self) -> str:
        """Return the context, or the one that is wanted where it is not settled; empty where there is neither."""
        return self.context or self._wanted_context or ""

    def check_context(self) -> None:
        """Hold the context that the user names against the batch's, before CRDS is asked anything.

        Raises
        ------
        UserError
            They differ.
        """
        if self._batch is not None and self._wanted_context and not self._force and not self.context:
            self._batch.check_pins(Pins(self._wanted_context, {}))

    def pin(self, recipe: Recipe) -> None:
        """Settle what a recipe's datasets are made with, and record it for the batch or hold it against its record.

        Raises
        ------
        UserError
            The batch was made with something else, a program cannot be run, or there is no such context.
        """
        new = {program.name: program for program in recipe.programs if program.name not in self.versions}
        products = {"astrometry": describe(self.astrometry)} if recipe.is_aligned else {}
        if self.context and not new and products.keys() <= self._products.keys():
            return
        batch, wanted = self._batch, self._wanted_context
        if wanted is None and batch is not None:
            pinned = batch.pins()
            wanted = pinned.crds_context if pinned and (pinned.are_settled or not self._force) else None
        self.context = self.context or self._crds.resolve_context(wanted)
        versions = self.versions | {name: self._programs.version(program) for name, program in new.items()}
        if batch is not None:
            pinned = batch.pin(Pins(self.context, versions, products), force=self._force)
            if pinned.conditional_writes is False and not self.versions:
                print(
                    f"note: the store {batch.store.uri} {NO_CONDITIONAL_WRITES}: {RUN_ONE_AT_A_TIME}", file=sys.stderr
                )
        self.versions = versions
        self._products |= products
