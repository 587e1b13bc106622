"""Bad input: MAST, and the folder where inputs are kept."""

from hstdputils.core.outcomes import Outcome
from tests.bad_input.kinds import SPECTRUM, Kind, Place, Setup, check, each_of, nothing, process
from tests.bad_input.setups import file, mode, unprivileged
from tests.conftest import mast_settings


def server(address: str) -> Setup:
    """Name the server of MAST."""

    def setup(place: Place) -> None:
        place.set(XDG_CONFIG_HOME=str(mast_settings(address)))

    return setup


KINDS = [
    process(
        "no MAST server",
        f"out b {SPECTRUM} --inputs mast:",
        22,
        f"cannot ask http://127.0.0.1:9 for {SPECTRUM}: …Connection refused: check the network",
        nothing,
        outcome=Outcome.STORAGE_ERROR,
    ),
    process(
        "a MAST address that is not a URL",
        f"out b {SPECTRUM} --inputs mast:",
        22,
        "the server's address is not a URL: correct it in astroquery.cfg",
        server("nonsense"),
        outcome=Outcome.BAD_INPUT,
    ),
    process(
        "a MAST address with a wrong port",
        f"out b {SPECTRUM} --inputs mast:",
        22,
        "the server's address is not a URL: correct it in astroquery.cfg",
        server("http://127.0.0.1:nine"),
        outcome=Outcome.BAD_INPUT,
    ),
    process(
        "a read-only folder for kept inputs",
        f"out b {SPECTRUM} --inputs mast: --keep-inputs kept",
        21,
        "cannot cache inputs in kept: Permission denied: name another folder with --keep-inputs",
        unprivileged(mode("kept", 0o555)),
        before="{unprivileged} ",
    ),
    process(
        "a file for kept inputs",
        f"out b {SPECTRUM} --inputs mast: --keep-inputs kept",
        21,
        "cannot cache inputs in kept: File exists: name another folder with --keep-inputs",
        file("kept", ""),
    ),
]


@each_of(KINDS)
def test_bad_input(kind: Kind, place: Place):
    check(kind, place)
