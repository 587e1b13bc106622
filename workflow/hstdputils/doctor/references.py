"""Checks CRDS: cache, server and context."""

import ast
import http.client
import os
import urllib.request
from itertools import islice
from pathlib import Path

from hstdputils.core.errors import ExitCode, UserError
from hstdputils.core.findings import Finding, fail, ok
from hstdputils.core.text import one_line
from hstdputils.doctor.checked_setup import CheckedSetup
from hstdputils.doctor.checks import REQUEST_SECONDS, run_in_parallel
from hstdputils.doctor.space import check_space, unwritable
from hstdputils.references.bestrefs import CONTEXT, mappings_below
from hstdputils.references.crds_settings import CrdsSettings, crds_settings
from hstdputils.references.server import ReferenceServer, ReferenceServerError

USUAL_CACHE_GB = 5.0
"""Space that the mappings and the references of a few datasets of every instrument take in a new cache, GB."""


SERVER_SECONDS = 10.0
"""Time limit for the server or S3 to name a context, retries included, s."""


_TIME_LIMIT = "CRDS_CLIENT_TIMEOUT_SECONDS"


FLAT_FROM = 21
"""Number of references from which CRDS takes a cache without ``ref_cache_subdir_mode`` for a flat one."""


def check_references(setup: CheckedSetup, *, asks_for_context: bool = True) -> list[Finding]:
    """Check CRDS as the run will set it up: the user's variables come before the configuration.

    Parameters
    ----------
    setup
        The set-up.
    asks_for_context
        Whether a server is asked for its operational context, where no context is wanted.
    """
    observatory = os.environ.get("CRDS_OBSERVATORY", "hst")
    if observatory != "hst":
        return [_fail("CRDS", f"CRDS_OBSERVATORY is {observatory!r}: set it to hst, or unset it")]
    config = setup.config
    for name, value in (("CRDS_PATH", config.crds.path), ("CRDS_SERVER_URL", config.crds.server_url)):
        if value:
            os.environ.setdefault(name, str(Path(value).expanduser()) if name == "CRDS_PATH" else value)
    settings = crds_settings()
    wanted = config.crds.context or os.environ.get("CRDS_CONTEXT") or ""
    if wanted and not CONTEXT.fullmatch(wanted):
        return [_fail("CRDS context", f"{wanted!r} is not a CRDS context: give one like hst_0729.pmap")]
    if settings.is_growing:
        return [*_growing_cache(settings.cache.absolute()), *_ask_server(settings, wanted, asks_for_context)]
    return _cache_alone(settings.cache.absolute(), wanted)


def _cache_alone(cache: Path, wanted: str) -> list[Finding]:
    """Check a read-only cache."""
    subject, config_file = "CRDS cache", cache / "config" / "hst" / "server_config"
    if not cache.is_dir():
        return [_fail(subject, f"{cache} does not exist: set CRDS_PATH, or use --profile laptop-remote")]
    if not config_file.is_file():
        return [_fail(subject, f"{cache} is not a CRDS cache for HST (no config/hst/server_config): set CRDS_PATH")]
    missing = [name for name in ("mappings/hst", "references/hst") if not (cache / name).is_dir()]
    if missing:
        return [_fail(subject, f"{cache} has no {' and no '.join(missing)}: sync the cache, or set CRDS_PATH")]
    try:
        info = ast.literal_eval(config_file.read_text())
        operational = str(info["operational_context"])
    except (OSError, SyntaxError, ValueError, KeyError, TypeError) as error:
        return [_fail(subject, f"{config_file} cannot be read ({one_line(error)}): sync the cache")]
    layout = f"{cache}, references {_layout(cache)}, read and never written"
    return [ok(subject, layout), _context(cache, wanted, operational)]


def _layout(cache: Path) -> str:
    """Return the layout of references, which CRDS reads from a file, or guesses."""
    try:
        mode = (cache / "config" / "hst" / "ref_cache_subdir_mode").read_text().strip()
    except OSError:
        some = list(islice((cache / "references" / "hst").iterdir(), FLAT_FROM))
        mode = "flat" if len(some) == FLAT_FROM else "instrument"
    return "in a folder for each instrument" if mode == "instrument" else f"in one folder ({mode})"


def _context(cache: Path, wanted: str, operational: str) -> Finding:
    context = wanted or operational
    mappings = cache / "mappings" / "hst"
    if not (mappings / context).is_file():
        known = sorted(path.name for path in mappings.glob("*.pmap"))
        has = f"which has {', '.join(known[-5:]) or 'none'}"
        return _fail("CRDS context", f"{context!r} is not in {mappings}, {has}: name one of these, or sync the cache")
    try:
        missing = _missing_below(mappings, context)
    except UserError as error:
        return _fail("CRDS context", f"{error}, or sync the cache")
    if missing:
        some = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        return _fail("CRDS context", f"{context} needs {some}, not in {mappings}: sync the cache with {context}")
    return ok("CRDS context", context if wanted else f"{context}, operational in the cache")


def _missing_below(mappings: Path, context: str) -> list[str]:
    """Return the mappings below a context that are missing or empty.

    Raises
    ------
    UserError
        One of them cannot be read.
    """
    missing, found = [], [context]
    for name in found:
        path = mappings / name
        if not (path.is_file() and path.stat().st_size):
            missing.append(name)
        elif not name.endswith(".rmap"):
            found += [below for below in mappings_below(path) if below not in found]
    return missing


def _growing_cache(cache: Path) -> list[Finding]:
    """Check a cache that grows as needed, and may not exist yet."""
    if error := unwritable(cache):
        return [_fail("CRDS cache", f"cannot write {cache} ({error.strerror}): set CRDS_PATH to another folder")]
    how = f"{cache}, grows as needed" if cache.is_dir() else f"{cache}, can be made and grows as needed"
    return [ok("CRDS cache", how), check_space("CRDS space", cache, USUAL_CACHE_GB, 1, "set CRDS_PATH to another")]


def _ask_server(settings: CrdsSettings, wanted: str, asks_for_context: bool) -> list[Finding]:
    """Ask the server, or S3, for its operational context and for the wanted one."""
    subject = "CRDS server" if settings.server and "config" not in settings.uris else "CRDS in S3"
    address = settings.server if subject == "CRDS server" else settings.uris["config"]
    if why := _why_silent(address):
        return [_fail(subject, f"{address} does not answer ({why}): check the network and CRDS_SERVER_URL")]
    if not (wanted or asks_for_context):
        return [ok(subject, f"{address} answers")]
    origin = ReferenceServer(settings)

    def ask() -> Finding:
        context = wanted or str(origin.info["operational_context"])
        origin.file(context)
        return ok("CRDS context", context if wanted else f"{context}, operational there")

    # CRDS's own client takes its time limit from the environment, which jobs inherit
    before = os.environ.get(_TIME_LIMIT)
    os.environ[_TIME_LIMIT] = f"{REQUEST_SECONDS:.0f}"
    (answer,) = run_in_parallel([ask], SERVER_SECONDS)
    if before is None:
        del os.environ[_TIME_LIMIT]
    else:
        os.environ[_TIME_LIMIT] = before
    match answer:
        case Finding():
            return [ok(subject, f"{address} answers"), answer]
        case ReferenceServerError(is_absent=True):
            text = f"{wanted!r} is unknown there ({answer}): correct crds_context or CRDS_CONTEXT, or leave it out"
            return [ok(subject, f"{address} answers"), _fail("CRDS context", text)]
        case ReferenceServerError():
            return [_fail(subject, str(answer))]
        case TimeoutError():
            fix = "check the network, CRDS_SERVER_URL and AWS_ENDPOINT_URL"
            return [_fail(subject, f"{address} does not answer within {SERVER_SECONDS:.0f} s: {fix}")]
    raise answer


def _why_silent(address: str) -> str:
    """Return why an HTTP server does not answer (one request, no retries), or an empty string."""
    if not address.startswith(("http://", "https://")):
        return ""
    try:
        urllib.request.urlopen(address, timeout=REQUEST_SECONDS).close()
    except urllib.error.HTTPError:
        return ""
    except (OSError, ValueError, http.client.HTTPException) as error:
        return one_line(getattr(error, "reason", "") or error) or type(error).__name__
    return ""


def _fail(subject: str, text: str) -> Finding:
    return fail(subject, text, ExitCode.REFERENCES)
