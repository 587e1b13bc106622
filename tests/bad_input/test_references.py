"""Bad input: the CRDS cache and its reference files."""

import shutil

from hstdputils.core.outcomes import Outcome
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


S3 = {"CRDS_CONFIG_URI": "config", "CRDS_MAPPING_URI": "mappings", "CRDS_REFERENCE_URI": "references"}


def from_s3(bucket: str, **changes: str) -> Setup:
    """Let CRDS work from a bucket on a server that has none; a variable without a value is not set."""

    def setup(place: Place) -> None:
        uris = {name: f"s3://{bucket}/{folder}/hst" for name, folder in S3.items()} | changes
        place.set(CRDS_S3_ENABLED="1", CRDS_PATH="cache", **{name: uri for name, uri in uris.items() if uri})
        place.set(AWS_ENDPOINT_URL=place.s3_address(), AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x")

    return setup


def s3_out_of_reach(place: Place) -> None:
    from_s3("ops-crds")(place)
    place.set(AWS_ENDPOINT_URL="http://127.0.0.1:9", AWS_MAX_ATTEMPTS="1")


def cache_is_a_file(place: Place) -> None:
    place.write("cache", "")
    place.set(CRDS_PATH="cache", CRDS_SERVER_URL="http://127.0.0.1:9")


def no_server(place: Place) -> None:
    place.set(CRDS_PATH="cache", CRDS_SERVER_URL="http://127.0.0.1:9")


def plan_of_one(place: Place) -> None:
    place.write("plan.out", place.commands.hstdputils("plan", "out", "b", SPECTRUM).out)


def list_of_nothing(place: Place) -> None:
    place.write("list.json", "[1, 2]")


def sync(name: str, arguments: str, status: int, says: str, setup: Setup) -> Kind:
    """Return a kind of bad input for the command sync, with a plan of one dataset."""

    def both(place: Place) -> None:
        plan_of_one(place)
        setup(place)

    return Kind(name, both, f"hstdputils sync {arguments}", status, says)


KINDS = [
    process(
        "a CRDS bucket that is not there",
        f"out b {SPECTRUM}",
        27,
        "s3://ops-crds/config/hst/server_config: there is no such bucket",
        from_s3("ops-crds"),
    ),
    process(
        "a variable of CRDS's bucket is missing",
        f"out b {SPECTRUM}",
        27,
        "CRDS_MAPPING_URI is not set…: set it like s3://bucket/mappings/hst",
        from_s3("ops-crds", CRDS_MAPPING_URI=""),
    ),
    process(
        "an address of CRDS's bucket is none",
        f"out b {SPECTRUM}",
        27,
        "CRDS_REFERENCE_URI = 'ops-crds/references' is not an address: set it like",
        from_s3("ops-crds", CRDS_REFERENCE_URI="ops-crds/references"),
    ),
    process(
        "CRDS's bucket is out of reach",
        f"out b {SPECTRUM}",
        27,
        "cannot read s3://ops-crds/config/hst/server_config: …check the network and AWS_ENDPOINT_URL",
        s3_out_of_reach,
    ),
    process(
        "a CRDS cache that is a file",
        f"out b {SPECTRUM}",
        27,
        "cannot make the CRDS cache …cache…: set CRDS_PATH",
        cache_is_a_file,
    ),
    process(
        "no CRDS server",
        f"out b {SPECTRUM}",
        27,
        "http://127.0.0.1:9 does not answer: …CRDS_READONLY_CACHE=1",
        no_server,
    ),
    process(
        "a context that is a path",
        f"out b {SPECTRUM} --crds-context ../x.pmap",
        27,
        "'../x.pmap' is not a CRDS context: give one like hst_0729.pmap",
    ),
    process(
        "a list of references that is none",
        f"out b {SPECTRUM} --references list.json",
        27,
        "cannot use list.json (it is not a reference list of hstdputils sync): sync again",
        list_of_nothing,
    ),
    process(
        "no list of references",
        f"out b {SPECTRUM} --references list.json",
        27,
        "cannot use list.json (No such file…): sync again",
    ),
    sync(
        "sync without a plan",
        "nowhere.out",
        2,
        "cannot read the plan nowhere.out…: correct its name",
        lambda place: None,
    ),
    sync(
        "sync of an empty plan",
        "plan.out",
        2,
        "the plan plan.out is empty: write it with hstdputils plan",
        lambda place: place.write("plan.out", ""),
    ),
    sync(
        "sync of a broken plan",
        "plan.out",
        2,
        "plan.out:1: not a valid plan row…: write the plan anew",
        lambda place: place.write("plan.out", "{}\n"),
    ),
    sync(
        "sync of inputs that are not there",
        "plan.out --inputs nowhere",
        21,
        "the input folder nowhere is not there",
        lambda place: None,
    ),
    sync(
        "sync with an unknown context",
        "plan.out --inputs {inputs} --crds-context hst_0001.pmap",
        27,
        "'hst_0001.pmap' is not in the cache",
        lambda place: None,
    ),
    sync("sync without a server", "plan.out --inputs {inputs}", 27, "http://127.0.0.1:9 does not answer", no_server),
    sync(
        "sync from a bucket that is not there",
        "plan.out --inputs {inputs}",
        27,
        "there is no such bucket",
        from_s3("ops-crds"),
    ),
    process("no CRDS cache", f"out b {SPECTRUM}", 27, "nowhere is not a CRDS cache…: set CRDS_PATH", no_cache),
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
        "a mapping of hst_9001.pmap is missing or broken in the CRDS cache …crds: sync the cache",
        own_cache("mappings/hst/hst_cos_9001.imap", None),
        outcome=Outcome.NO_REFERENCES,
    ),
    process(
        "an unknown context",
        f"out b {SPECTRUM} --crds-context hst_0001.pmap",
        27,
        "'hst_0001.pmap' is not in the cache…hst_9001.pmap, hst_9002.pmap…: name one of these",
    ),
    process(
        "a bad-listed reference",
        f"out b {SPECTRUM} --crds-context hst_9002.pmap",
        27,
        "mad0901ml_flat.fits as bad under hst_9002.pmap: use a later context",
        outcome=Outcome.NO_REFERENCES,
    ),
    process(
        "a missing reference",
        f"out b {SPECTRUM} --crds-context hst_9003.pmap",
        27,
        "missing in the CRDS cache…: mad0903ml_bpix.fits: sync the cache",
        outcome=Outcome.NO_REFERENCES,
    ),
]


@each_of(KINDS)
def test_bad_input(kind: Kind, place: Place):
    check(kind, place)
