"""What a submission pins for its batch, so that its jobs have no need to, nor the right to write ``batch.json``."""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from hstdputils.calibrate.drizzlepac import astrometry_variables, describe
from hstdputils.calibrate.recipe import recipe_for
from hstdputils.core.datasets import parse_dataset
from hstdputils.core.errors import UserError
from hstdputils.core.exit_codes import ExitCode
from hstdputils.engines.aws_batch.client import batch_errors
from hstdputils.records.batch import Batch
from hstdputils.records.pins import IMAGE, Pins
from hstdputils.records.plan_rows import PlanRow
from hstdputils.references.server import ReferenceServer, ReferenceServerError
from hstdputils.references.settings import settings_of


def pin_submission(
    client: Any, batch: Batch, definition: str, rows: Sequence[PlanRow], arguments: Sequence[str]
) -> None:
    """Record in the store what jobs work with (image, context, alignment), or hold it against what is recorded.

    The versions of programs are those of the image, if its digest is known. Without one, and where nobody says where
    references come from, nothing is recorded, and jobs do so when they begin. A batch keeps to its context, unless
    the arguments name another and force it.

    Parameters
    ----------
    client
        A client for AWS Batch.
    batch
        The batch.
    definition
        The ARN of its job definition: the image, and the variables of the jobs.
    rows
        The rows that are submitted.
    arguments
        Further arguments of ``hstdp-process``.

    Raises
    ------
    UserError
        The batch was made with something else, or it is not known which context is operational.
    StoreError
        The store cannot be read or written.
    """
    with batch_errors(f"cannot read the job definition {definition!r}"):
        found = client.describe_job_definitions(jobDefinitions=[definition])["jobDefinitions"]
    container = found[0].get("containerProperties", {}) if found else {}
    image = container.get("image", "")
    if "@sha256:" not in image:
        return
    variables = {item["name"]: item.get("value", "") for item in container.get("environment", [])}
    options = _options(arguments)
    pinned = batch.pins()
    context = options.context or variables.get("CRDS_CONTEXT")
    if context is None:
        context = pinned.crds_context if pinned else _operational(variables)
    if context is None:
        return
    settings = {IMAGE: image}
    if any(recipe_for(parse_dataset(row.ipppssoot)).is_aligned for row in rows):
        wanted = {"on": True, "off": False}.get(options.astrometry or "")
        settings["astrometry"] = describe(astrometry_variables(wanted, variables))
    batch.pin(Pins(context, {}, settings), force=options.force)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    """Return those of a job's arguments that say what products are made with."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--crds-context", "--context", dest="context")
    parser.add_argument("--astrometry")
    parser.add_argument("--force", action="store_true")
    return parser.parse_known_args(list(arguments))[0]


def _operational(variables: Mapping[str, str]) -> str | None:
    """Return the operational context of where jobs get references; none where their variables do not say where."""
    settings = settings_of(variables)
    if not settings.is_growing:
        return None
    try:
        return str(ReferenceServer(settings).info["operational_context"])
    except ReferenceServerError as error:
        raise UserError(
            f"it is not known which CRDS context is operational ({error}); or name one: "
            "submit … -- --crds-context hst_….pmap",
            ExitCode.REFERENCES,
        ) from error
