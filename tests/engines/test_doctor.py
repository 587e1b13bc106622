"""``hstdputils doctor`` as a user runs it: sound and broken set-ups, and real servers that answer, or do not."""

import contextlib
import io
import json
import os
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest
import yaml

from hstdputils import commandline
from hstdputils.doctor import main
from hstdputils.references.settings import crds_settings
from tests.conftest import Commands, MadeUp, Ran, mast_settings
from tests.engines.conftest import CREDENTIALS
from tests.engines.crds_server import CrdsServer
from tests.rules.conftest import Project, project  # noqa: F401  (a fixture)
from tests.stand_ins import write_calcos

pytestmark = pytest.mark.engine("CRDS")

NOWHERE = "http://127.0.0.1:9"
SLOWEST_SECONDS = 45.0
"""Within this the doctor ends, whatever hangs: 20 s for the checks, and its start on a busy machine."""


@pytest.fixture
def sound(commands: Commands, made_up: MadeUp) -> Commands:
    """Return commands in a folder whose set-up is in order for COS."""
    write_calcos(commands.folder / "bin")
    commands.variables["PATH"] = f"{commands.folder / 'bin'}{os.pathsep}{commands.environment()['PATH']}"
    (commands.folder / "config").mkdir()
    config = {"ids": "my.ids", "batch": "night-1", "inputs": str(made_up.inputs)}
    (commands.folder / "config/config.yaml").write_text(yaml.safe_dump(config))
    return commands


@pytest.fixture
def hanging() -> Iterator[str]:
    """Return the address of a server that takes connections, and never answers."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0), backlog=64)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def doctor(site: Commands, *arguments: str, **variables: str) -> Ran:
    """Run the command with the folder and the environment of ``site``, and without the time that a start takes."""
    out, err = io.StringIO(), io.StringIO()
    crds_settings.cache_clear()  # they are read once a process
    with (
        mock.patch.dict(os.environ, site.environment(**variables), clear=True),
        mock.patch("boto3.DEFAULT_SESSION", None),  # it remembers credentials
        contextlib.chdir(site.folder),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        status = commandline.run(main, arguments)
    crds_settings.cache_clear()
    return Ran(status, out.getvalue(), err.getvalue())


def lines(ran: Ran) -> dict[str, tuple[str, str]]:
    """Return status and text of each line, by its subject; of several, the first that is worst."""
    assert "Traceback" not in ran.said, ran.said
    found: dict[str, tuple[str, str]] = {}
    for line in ran.out.splitlines():
        if line[:4].strip() in ("ok", "warn", "FAIL"):
            subject, _, text = line[6:].partition("  ")
            if line.startswith("FAIL") or subject not in found:
                found[subject.strip()] = (line[:4].strip(), text.strip())
    assert found, ran.said
    return found


def contents(folder: Path) -> set[str]:
    """Return the paths of all that is in a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_a_sound_set_up_is_told_and_left_as_it_is(sound, made_up):
    before, crds = contents(sound.folder), contents(made_up.crds)
    ran = sound.hstdputils("doctor", "--instrument", "cos")
    assert ran.status == 0, ran.said
    found = lines(ran)
    assert "FAIL" not in {status for status, _ in found.values()}
    assert found["calcos"][1].startswith("3.6.2, ")
    assert found["CRDS context"] == ("ok", "hst_9001.pmap, operational in the cache")
    assert found["store"] == ("ok", "results, can be made")
    assert ran.out.splitlines()[-1] == "A run would start for COS."
    assert ran.err == ""
    assert contents(sound.folder) == before
    assert contents(made_up.crds) == crds


def test_each_line_that_is_not_ok_has_a_mend(sound):
    ran = doctor(sound, "--config", "store=config/config.yaml", "inputs=no", CRDS_PATH="no")
    told = {subject: text for subject, (status, text) in lines(ran).items() if status != "ok"}
    assert {"store", "sources", "inputs", "CRDS cache"} & told.keys() == {"store", "inputs", "CRDS cache"}
    assert [text for text in told.values() if ": " not in text] == []


FAILURES = [
    ({"CRDS_PATH": "no"}, [], 27, "CRDS cache", "no is not there: set CRDS_PATH, or use --profile laptop-remote"),
    ({"CRDS_PATH": "."}, [], 27, "CRDS cache", "is no CRDS cache for HST (no config/hst/server_config): set"),
    ({"CRDS_OBSERVATORY": "jwst"}, [], 27, "CRDS", "CRDS_OBSERVATORY is 'jwst': set it to hst, or unset it"),
    ({"CRDS_CONTEXT": "latest"}, [], 27, "CRDS context", "'latest' is no CRDS context: give one like hst_0729.pmap"),
    ({"CRDS_S3_ENABLED": "1"}, [], 27, "references", "CRDS_CONFIG_URI is not set, which CRDS needs to work from S3"),
    ({}, ["crds_context=hst_0001.pmap"], 27, "CRDS context", "hst_9003.pmap: name one of these, or sync the cache"),
    ({}, ["inputs=no"], 21, "inputs", "the input folder no is not there: correct"),
    ({}, ["inputs=ftp://x"], 2, "inputs", "'ftp://x' is no source of inputs: give a folder"),
    ({}, ["inputs=s3://no"], 26, "inputs", "cannot list s3://no: no AWS credentials: set AWS_PROFILE"),
    ({}, ["store=my.ids"], 25, "store", "(my.ids: File exists): give a folder, not a file"),
    ({}, ["store=s3://no"], 25, "store", "cannot reach s3://no: no AWS credentials: set AWS_PROFILE"),
    ({"AWS_PROFILE": "me"}, ["store=s3://no"], 25, "AWS", "(me) could not be found: set AWS_PROFILE to one that is"),
    (
        {},
        ["work=my.ids/w"],
        25,
        "work folder",
        "my.ids/w (Not a directory): set work in the configuration to another",
    ),
    ({}, ["programs={calcos: /no}"], 23, "calcos", "COS: '/no', which is named as the program calcos, is not there"),
]


@pytest.mark.parametrize(("variables", "entries", "status", "subject", "said"), FAILURES)
def test_what_is_broken_is_named_with_its_mend(sound, variables, entries, status, subject, said):
    (sound.folder / "my.ids").write_text("ldem01acq\n")
    before = contents(sound.folder)
    arguments = ["--config", *entries] if entries else []
    ran = doctor(sound, "--instrument", "cos", *arguments, **variables)
    found = lines(ran)
    assert found[subject][0] == "FAIL", ran.said
    assert said in found[subject][1]
    assert ran.status == status, ran.said
    assert subject in ran.out.splitlines()[-1]
    assert contents(sound.folder) == before


def test_a_wrong_switch_of_drizzlepac_is_told_where_images_are_aligned(sound):
    entries = ("--config", "programs={calacs.e: sh -c true, runastrodriz: sh -c true}")
    ran = doctor(sound, "--instrument", "acs", *entries, ASTROMETRY_APPLY_APRIORI="maybe")
    assert ran.status == 2, ran.said
    assert lines(ran)["astrometry"] == ("FAIL", "ASTROMETRY_APPLY_APRIORI is 'maybe': set it to on or off")
    assert doctor(sound, "--instrument", "cos", ASTROMETRY_APPLY_APRIORI="maybe").status == 0


def test_several_failures_end_with_1(sound):
    ran = sound.hstdputils("doctor", "--instrument", "cos", "--config", "inputs=no", CRDS_PATH="no")
    assert ran.status == 1
    assert "mend CRDS cache and inputs" in ran.out.splitlines()[-1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda cache: (cache / "mappings/hst/hst_cos_9001.imap").unlink(),
            "hst_9001.pmap needs hst_cos_9001.imap, ",
        ),
        (lambda cache: (cache / "config/hst/server_config").write_text("{"), "cannot be read"),
        (lambda cache: shutil.rmtree(cache / "references"), "has no references/hst: sync the cache"),
    ],
)
def test_a_cache_that_is_not_whole(sound, made_up, change, said):
    cache = shutil.copytree(made_up.crds, sound.folder / "cache")
    change(cache)
    ran = doctor(sound, "--instrument", "cos", CRDS_PATH=str(cache))
    assert ran.status == 27, ran.said
    assert said in next(text for status, text in lines(ran).values() if status == "FAIL")


def test_how_references_lie_in_the_cache_is_told(sound, made_up):
    cache = shutil.copytree(made_up.crds, sound.folder / "cache")
    for mode, said in (("instrument", "in a folder for each instrument"), ("flat", "in one folder (flat)")):
        (cache / "config/hst/ref_cache_subdir_mode").write_text(f"{mode}\n")
        ran = doctor(sound, "--instrument", "cos", CRDS_PATH=str(cache))
        assert said in lines(ran)["CRDS cache"][1]


def test_a_missing_program_stops_only_a_run_that_needs_it(sound):
    entries = ("--config", "programs={calacs.e: /no/calacs.e}")
    ran = doctor(sound, *entries)
    assert ran.status == 0, ran.said
    assert lines(ran)["calacs.e"][0] == "warn"
    assert ran.out.splitlines()[-1].startswith("A run would start for COS")
    assert "ACS" in ran.out.splitlines()[-1].partition("; ")[2]
    assert doctor(sound, "ldem01acq", *entries).status == 0
    ran = doctor(sound, "j8cb010b0", "ldem01acq", *entries)
    assert ran.status == 23
    assert lines(ran)["calacs.e"][0] == "FAIL"


def test_no_program_at_all_stops_every_run(sound):
    names = ["calcos", "calacs.e", "calwf3.e", "cs0.e", "runastrodriz", "runsinglehap", "runmultihap"]
    programs = {"programs": {name: f"/no/{name}" for name in names}}
    (sound.folder / "programs.yaml").write_text(yaml.safe_dump(programs))
    ran = doctor(sound, "--configfile", "programs.yaml")
    assert ran.status == 23, ran.said
    assert all(lines(ran)[name][0] == "FAIL" for name in names)


def test_a_batch_begun_with_another_context_is_told_beforehand(sound):
    batch = sound.folder / "results/night-1"
    batch.mkdir(parents=True)
    (batch / "batch.json").write_text(json.dumps({"crds_context": "hst_9002.pmap", "programs": {}}))
    call = ("--instrument", "cos", "--config", "crds_context=hst_9001.pmap")
    ran = doctor(sound, *call)
    assert ran.status == 2, ran.said
    assert "was made with CRDS context hst_9002.pmap, not hst_9001.pmap: choose" in lines(ran)["store"][1]
    assert doctor(sound, *call, "force=True").status == 0


def test_json_says_all_of_it(sound):
    ran = sound.hstdputils("doctor", "--instrument", "cos", "--config", "inputs=mast:", "--json")
    said = json.loads(ran.out)
    assert (ran.status, said["exit_code"], said["would_start"], said["ready"]["cos"]) == (22, 22, False, True)
    (failed,) = [finding for finding in said["findings"] if finding["status"] == "FAIL"]
    assert (failed["subject"], failed["exit_code"]) == ("inputs", 22)
    assert failed["text"].endswith(f"MAST ({NOWHERE}) does not answer (Connection refused): check the network")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--profile", "onsit"], "there is no profile 'onsit', and no folder profiles/: go to the project's folder"),
        (["--config", "store"], "'store' after --config is no KEY=VALUE: write it so, and ids before --config"),
        (["--config", "storex=x"], "unknown key 'storex'; did you mean 'store'?"),
        (["--config", "batch=a/b"], "'a/b' is no batch name"),
        (["--configfile", "no.yaml"], "cannot read no.yaml (No such file or directory): correct its name"),
        (["--config", "ids=no.ids"], "cannot read the id list no.ids (No such file or directory)"),
        (["@no.ids"], "cannot read the id list no.ids (No such file or directory)"),
        (["--instrument", "nicmos"], "invalid choice: 'nicmos'"),
        (["hello"], "1 of the ids cannot be processed ('hello')"),
    ],
)
def test_what_cannot_be_checked_at_all_is_one_line(sound, arguments, said):
    ran = doctor(sound, *arguments)
    assert ran.status == 2
    assert said in ran.err
    assert len(ran.err.splitlines()) == 1
    assert ran.out == ""


@pytest.mark.engine("S3 (moto)")
def test_buckets_are_written_and_listed_and_left_as_they_were(sound, s3, public_bucket):
    store = s3.make_bucket("doctor-store")
    entries = ("--config", f"store={store}/prefix", f"inputs={public_bucket}")
    ran = doctor(sound, "--instrument", "cos", *entries, **s3.variables)
    assert ran.status == 0, ran.said
    found = lines(ran)
    assert found["store"] == ("ok", f"{store}/prefix, can be written (at {s3.endpoint})")
    assert found["inputs"] == ("ok", f"{public_bucket}, can be listed without credentials")
    assert found["AWS"] == ("ok", "credentials of the variable AWS_ACCESS_KEY_ID")
    assert CREDENTIALS["AWS_SECRET_ACCESS_KEY"] not in ran.said
    assert s3.keys("doctor-store") == {}


@pytest.mark.engine("S3 (moto)")
@pytest.mark.parametrize(
    ("entries", "status", "subject", "said"),
    [
        (["store=s3://no-such"], 25, "store", "cannot reach s3://no-such: there is no such bucket: create it"),
        (["inputs=s3://no-such/x"], 26, "inputs", "cannot list s3://no-such/x: there is no such bucket"),
        (["inputs=s3://stpubdata/hst/pubic"], 26, "inputs", "there is nothing in s3://stpubdata/hst/pubic: correct"),
    ],
)
def test_buckets_that_are_not_as_they_should_be(sound, s3, public_bucket, entries, status, subject, said):
    ran = doctor(sound, "--instrument", "cos", "--config", *entries, **s3.variables)
    assert ran.status == status, ran.said
    assert said in lines(ran)[subject][1]


@pytest.mark.engine("S3 (moto)")
def test_credentials_are_named_by_profile_and_never_shown(sound, s3, tmp_path):
    (tmp_path / "keys").write_text("[archive]\naws_access_key_id = AKIAKEY\naws_secret_access_key = SECRETKEY\n")
    variables = {"AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "keys"), "AWS_PROFILE": "archive"}
    store = s3.make_bucket("doctor-profile")
    call = ("--instrument", "cos", "--config", f"store={store}")
    ran = doctor(sound, *call, AWS_ENDPOINT_URL=s3.endpoint, **variables)
    assert ran.status == 0, ran.said
    assert lines(ran)["AWS"][1] == "credentials of the profile archive (shared-credentials-file)"
    assert "KEY" not in ran.said.replace("AWS_ACCESS_KEY_ID", "")


def test_a_source_that_comes_second_stops_no_run(sound, made_up):
    ran = sound.hstdputils("doctor", "--instrument", "cos", "--config", f"inputs=[{made_up.inputs}, 'mast:']")
    assert ran.status == 0, ran.said
    (warned,) = [line for line in ran.out.splitlines() if line.startswith("warn  inputs ")]
    assert "does not answer" in warned
    assert "check the network" in warned


@pytest.mark.engine("astroquery")
def test_mast_answers_and_knows_the_token_or_not(sound, mast):
    variables = {"XDG_CONFIG_HOME": str(mast_settings(mast.url))}
    call = ("doctor", "--instrument", "cos", "--config", "inputs=mast:")
    ran = sound.hstdputils(*call, **variables)
    assert ran.status == 0, ran.said
    assert lines(ran)["inputs"] == ("ok", f"mast: ({mast.url}) answers")
    assert lines(ran)["MAST token"][1] == "MAST_API_TOKEN is not set, which public data do not need"
    ran = sound.hstdputils(*call, MAST_API_TOKEN="0123-wrong", **variables)
    assert ran.status == 22, ran.said
    assert "MAST does not accept the token in MAST_API_TOKEN" in lines(ran)["inputs"][1]
    assert lines(ran)["MAST token"] == ("ok", "MAST_API_TOKEN is set")
    assert "0123-wrong" not in ran.said


@pytest.fixture
def server(made_up: MadeUp) -> Iterator[CrdsServer]:
    """Return a CRDS server."""
    running = CrdsServer(made_up.crds)
    yield running
    running.close()


def test_a_growing_cache_is_not_made(sound, server):
    variables = {"CRDS_SERVER_URL": server.url, "CRDS_PATH": str(sound.folder / "cache")}
    ran = sound.hstdputils("doctor", "--instrument", "cos", **variables)
    assert ran.status == 0, ran.said
    found = lines(ran)
    assert found["CRDS server"] == ("ok", f"{server.url} answers")
    assert found["CRDS context"][1].startswith("hst_9001.pmap")
    assert "can be made and grows as needed" in found["CRDS cache"][1]
    assert not (sound.folder / "cache").exists()
    assert server.downloads == {}


@pytest.mark.parametrize(
    ("variables", "subject", "said"),
    [
        ({"CRDS_CONTEXT": "hst_0001.pmap"}, "CRDS context", "'hst_0001.pmap' is unknown there"),
        ({"CRDS_SERVER_URL": NOWHERE}, "CRDS server", f"{NOWHERE} does not answer ("),
        ({"CRDS_SERVER_URL": "nonsense"}, "CRDS server", "nonsense does not answer"),
        ({"CRDS_PATH": "my.ids/cache"}, "CRDS cache", "my.ids/cache (Not a directory): set CRDS_PATH to another"),
    ],
)
def test_a_server_or_growing_cache_that_cannot_be_used(sound, server, variables, subject, said):
    (sound.folder / "my.ids").write_text("ldem01acq\n")
    variables = {"CRDS_SERVER_URL": server.url, "CRDS_PATH": "cache"} | variables
    ran = sound.hstdputils("doctor", "--instrument", "cos", **variables)
    assert ran.status == 27, ran.said
    assert said in lines(ran)[subject][1]


@pytest.mark.engine("S3 (moto)")
def test_references_in_s3(sound, s3, made_up):
    crds = s3.make_bucket("crds")
    s3.upload(made_up.crds, "crds")
    variables = {
        "CRDS_S3_ENABLED": "1",
        "CRDS_CONFIG_URI": f"{crds}/config/hst",
        "CRDS_MAPPING_URI": f"{crds}/mappings/hst",
        "CRDS_REFERENCE_URI": f"{crds}/references/hst",
        "CRDS_PATH": str(sound.folder / "cache"),
        **s3.variables,
    }
    ran = sound.hstdputils("doctor", "--instrument", "cos", **variables)
    assert ran.status == 0, ran.said
    assert lines(ran)["CRDS in S3"] == ("ok", f"{crds}/config/hst answers")
    ran = sound.hstdputils("doctor", "--instrument", "cos", **variables, CRDS_CONTEXT="hst_0001.pmap")
    assert ran.status == 27, ran.said
    assert "'hst_0001.pmap' is unknown there" in lines(ran)["CRDS context"][1]
    variables["CRDS_CONFIG_URI"] = "s3://no-such/config"
    ran = sound.hstdputils("doctor", "--instrument", "cos", **variables)
    assert ran.status == 27, ran.said
    assert "s3://no-such" in lines(ran)["CRDS in S3"][1]
    assert "there is no such bucket" in lines(ran)["CRDS in S3"][1]
    assert not (sound.folder / "cache").exists()


def test_what_never_answers_is_told_in_time(sound, hanging):
    variables = {
        "CRDS_SERVER_URL": hanging,
        "CRDS_PATH": str(sound.folder / "cache"),
        "AWS_ENDPOINT_URL": hanging,
        "XDG_CONFIG_HOME": str(mast_settings(hanging)),
        **CREDENTIALS,
    }
    entries = ("--config", "store=s3://bucket", "inputs=[s3://raws, 'mast:']")
    start = time.monotonic()
    ran = sound.hstdputils("doctor", "--instrument", "cos", *entries, timeout=120, **variables)
    assert time.monotonic() - start < SLOWEST_SECONDS
    assert ran.status == 1, ran.said
    failed = {subject: text for subject, (status, text) in lines(ran).items() if status == "FAIL"}
    assert failed.keys() == {"CRDS server", "inputs", "store"}
    assert "timed out" in failed["CRDS server"]
    assert ran.out.count("FAIL  inputs") == 2
    assert all("check the network" in text for text in failed.values())


def test_s3_with_references_that_never_answers_is_told_in_time(sound, hanging):
    uris = {f"CRDS_{kind}_URI": f"s3://crds/{kind}" for kind in ("CONFIG", "MAPPING", "REFERENCE")}
    start = time.monotonic()
    ran = sound.hstdputils("doctor", "--instrument", "cos", AWS_ENDPOINT_URL=hanging, **uris, **CREDENTIALS)
    assert time.monotonic() - start < SLOWEST_SECONDS
    assert ran.status == 27, ran.said
    assert "s3://crds/CONFIG does not answer within 10 s: check" in lines(ran)["CRDS in S3"][1]


class TestProfiles:
    """From a project's folder."""

    @pytest.fixture
    def here(self, project: Project) -> Commands:  # noqa: F811  (the fixture)
        """Return commands in the project's folder, with a stand-in for calcos."""
        write_calcos(project.folder / "bin")
        variables = {"PATH": f"{project.folder / 'bin'}{os.pathsep}{project.commands.environment()['PATH']}"}
        (project.folder / "my.ids").write_text("ldem01acq\n")
        return Commands(project.folder, HOME=str(project.folder / "home"), **variables)

    def test_onsite(self, here, made_up):
        entries = ("--config", "ids=my.ids", f"inputs={made_up.inputs}")
        ran = doctor(here, "--profile", "onsite", *entries)
        assert ran.status == 27, ran.said
        assert lines(ran)["CRDS cache"][1].startswith("/grp/crds/cache is not there: set CRDS_PATH")
        ran = doctor(here, "--profile", "onsite", *entries, CRDS_PATH=str(made_up.crds))
        assert ran.status == 0, ran.said
        assert lines(ran)["profile"] == ("ok", "onsite/config.yaml")
        assert ran.out.splitlines()[-1] == "A run would start for COS."

    def test_laptop_remote(self, here, made_up, server):
        entries = ("--config", "ids=my.ids", f"inputs={made_up.inputs}")
        ran = here.hstdputils("doctor", "--profile", "laptop-remote", *entries, CRDS_SERVER_URL=server.url)
        assert ran.status == 0, ran.said
        # the profile's own setting, in the home folder, which is not made
        assert lines(ran)["CRDS cache"][1].startswith(str(here.folder / "home/crds_cache"))
        assert not (here.folder / "home").exists()
        # a file on the command line takes the place of the profile's, and with it the server
        (here.folder / "mine.yaml").write_text(f"crds_path: {made_up.crds}\n")
        ran = here.hstdputils("doctor", "--profile", "laptop-remote", "--configfile", "mine.yaml", *entries)
        assert ran.status == 0, ran.said
        assert lines(ran)["CRDS cache"][1].startswith(str(made_up.crds))

    def test_a_profile_that_is_not_there_or_not_found_by_snakemake(self, here, made_up):
        ran = doctor(here, "--profile", "laptop-romote")
        assert ran.status == 2
        assert "no profile 'laptop-romote'; did you mean 'laptop-remote'? (" in ran.err
        (here.folder / "onsite").unlink()
        ran = doctor(here, "--profile", "onsite", "ldem01acq", CRDS_PATH=str(made_up.crds))
        assert "make setup, or write --profile profiles/onsite" in lines(ran)["profile"][1]

    def test_an_executor_without_its_plugin(self, here, made_up):
        (here.folder / "pool").mkdir()
        (here.folder / "pool/config.yaml").write_text("executor: no-such-pool\n")
        entries = ("--config", "ids=my.ids", f"inputs={made_up.inputs}")
        ran = doctor(here, "--profile", "pool", *entries, CRDS_PATH=str(made_up.crds))
        assert ran.status == 2, ran.said
        assert "pip install snakemake-executor-plugin-no-such-pool" in lines(ran)["executor"][1]

    def test_the_workflow_needs_a_store(self, here, made_up):
        entries = ("--config", "ids=my.ids", f"inputs={made_up.inputs}", "store=none")
        ran = doctor(here, "--profile", "onsite", *entries, CRDS_PATH=str(made_up.crds))
        assert ran.status == 2, ran.said
        assert "none, but the workflow keeps its markers there: set store" in lines(ran)["store"][1]


def test_memory_below_a_dataset_s_is_told(sound):
    """In a control group of 1 GiB, where one can be made."""
    group = Path("/sys/fs/cgroup/memory/hstdputils-doctor")
    limit = group / "memory.limit_in_bytes"
    if not group.parent.is_dir():
        group = Path("/sys/fs/cgroup/hstdputils-doctor")
        limit = group / "memory.max"
    try:
        group.mkdir()
        limit.write_text(str(2**30))
    except OSError as error:
        pytest.skip(f"no control group with a memory limit can be made here: {error}")
    try:
        ran = sound.run("sh", "-c", f"echo $$ > {group}/cgroup.procs && exec hstdputils doctor --instrument cos")
    finally:
        group.rmdir()
    assert ran.status == 0, ran.said
    status, text = lines(ran)["memory"]
    assert status == "warn"
    assert text.startswith("1.0 GiB (limit of the control group), less than the ")
    assert "that the plan gives the largest dataset" in text
