"""Bad input: the CRDS cache and its reference files."""

import shutil

from hstdputils.outcomes import Outcome
from tests.bad_input.kinds import SPECTRUM, Kind, Place, Setup, check, each_of, process


def own_cache(name: str, content: str | None) -> Setup:
    """Change a file of the CRDS cache, or remove it."""

    def setup(place: Place) -> None:
        cache = shutil.copytree(place.made_up.crds, place.folder / "crds")
        path = cache / name
        path.write_text(content) if content is not None else path.unlink()
        place.set(CRDS_PATH="crds")

    return setup


def no_cache(place: Place) -> None:
    place.set(CRDS_PATH="nowhere")


KINDS = [
    process("no CRDS cache", f"out b {SPECTRUM}", 27, "nowhere is no CRDS cache…: set CRDS_PATH", no_cache),
    process(
        "a broken CRDS cache",
        f"out b {SPECTRUM}",
        27,
        "crds/config/hst/server_config is broken…: sync the cache",
        own_cache("config/hst/server_config", "{'not"),
    ),
    process(
        "a CRDS mapping is missing",
        f"out b {SPECTRUM}",
        27,
        "a mapping of hst_9001.pmap is missing or broken in the CRDS cache crds: sync the cache",
        own_cache("mappings/hst/hst_cos_9001.imap", None),
        outcome=Outcome.NO_REFERENCES,
    ),
    process(
        "an unknown context",
        f"out b {SPECTRUM} --context hst_0001.pmap",
        27,
        "'hst_0001.pmap' is not in the cache…hst_9001.pmap, hst_9002.pmap…: name one of these",
    ),
    process(
        "a bad-listed reference",
        f"out b {SPECTRUM} --context hst_9002.pmap",
        27,
        "mad0901ml_flat.fits as bad under hst_9002.pmap: use a later context",
        outcome=Outcome.NO_REFERENCES,
    ),
    process(
        "a missing reference",
        f"out b {SPECTRUM} --context hst_9003.pmap",
        27,
        "missing in the CRDS cache…: mad0903ml_bpix.fits: sync the cache",
        outcome=Outcome.NO_REFERENCES,
    ),
]


@each_of(KINDS)
def test_bad_input(kind: Kind, place: Place):
    check(kind, place)
