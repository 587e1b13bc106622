"""What the trigger works with, from environment variables."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from hstdputils.core.errors import UserError
from hstdputils.core.text import nearest
from hstdputils.engines.aws_batch.engine import BatchSettings

PREFIX = "HSTDP_TRIGGER_"
"""How the variables' names begin."""


_NAMES = (
    "QUEUE",
    "JOB_DEFINITION",
    "IMAGE",
    "ARGUMENTS",
    "SKIP_BAD",
    "INPUTS",
    "PURCHASE",
    "REGION",
    "SETTLE_SECONDS",
)


_YES, _NO = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")


@dataclass(frozen=True, slots=True)
class TriggerSettings:
    """How the batches that messages start are planned and submitted."""

    batch: BatchSettings
    """Queue, job definition, image, and arguments of ``hstdp-process``."""
    skip_bad: bool = False
    """Whether the good ids of a list are submitted where others are bad."""
    inputs: tuple[str, ...] = ()
    """Sources whose raw headers sizes rest on; without any, sizes rest on the datasets' names."""
    purchase: str | None = None
    """How instances are bought, for the expected costs: ``on_demand`` or ``spot``."""
    region: str | None = None
    """The region whose prices count."""


def trigger_settings(variables: Mapping[str, str]) -> TriggerSettings:
    """Return the settings that variables make; those that are not set, or empty, have the defaults of `submit`.

    Raises
    ------
    UserError
        A value cannot be, or there is no such variable.
    """
    given = {name.removeprefix(PREFIX): value.strip() for name, value in variables.items() if name.startswith(PREFIX)}
    given = {name: value for name, value in given.items() if value}
    for name in given:
        if name not in _NAMES:
            raise UserError(f"{PREFIX}{name} is not a setting of the trigger{nearest(name, list(_NAMES))}: unset it")
    default = BatchSettings()
    return TriggerSettings(
        batch=BatchSettings(
            queue=given.get("QUEUE"),
            job_definition=given.get("JOB_DEFINITION", default.job_definition),
            image=given.get("IMAGE"),
            arguments=_words(given, "ARGUMENTS") or None,
            region=given.get("REGION"),
            purchase=given.get("PURCHASE"),
            settle_seconds=_seconds(given.get("SETTLE_SECONDS"), default.settle_seconds),
        ),
        skip_bad=_is_set(given.get("SKIP_BAD", "")),
        inputs=_words(given, "INPUTS"),
        purchase=given.get("PURCHASE"),
        region=given.get("REGION"),
    )


def _words(given: Mapping[str, str], name: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(given.get(name, "")))
    except ValueError as error:
        raise UserError(f"{PREFIX}{name} cannot be cut into words ({error}): close its quotation marks") from error


def _is_set(text: str) -> bool:
    if text.lower() not in (*_YES, *_NO):
        raise UserError(f"{PREFIX}SKIP_BAD is {text!r}: set it to yes or no")
    return text.lower() in _YES


def _seconds(text: str | None, default: float) -> float:
    try:
        value = default if text is None else float(text)
    except ValueError:
        value = -1
    if not 0 <= value <= 600:
        raise UserError(f"{PREFIX}SETTLE_SECONDS is {text!r}: set it to a number of seconds from 0 to 600")
    return value
