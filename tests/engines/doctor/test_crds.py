"""``hstdputils doctor`` and CRDS: caches, a server and S3, sound and broken."""

import shutil
import tarfile
import time

import pytest

from tests.engines.conftest import CREDENTIALS
from tests.engines.doctor.running import NOWHERE, SLOWEST_SECONDS, doctor, lines

pytestmark = pytest.mark.engine("CRDS")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda cache: (cache / "mappings/hst/hst_cos_9001.imap").unlink(),
            "hst_9001.pmap needs hst_cos_9001.imap, ",
        ),
        (lambda cache: (cache / "config/hst/server_config").write_text("{"), "cannot be read"),
        (lambda cache: shutil.rmtree(cache / "references"), "has no references/hst: sync the cache"),
        (lambda cache: shutil.rmtree(cache / "config"), "is not a CRDS cache for HST (no config/hst/server_config)"),
        (
            lambda cache: (cache / "mappings/hst/hst_cos_9001.imap").write_text("header = {"),
            "hst_cos_9001.imap is broken",
        ),
        (
            lambda cache: (cache / "mappings/hst/hst_cos_flatfile_9001.rmap").unlink(),
            "hst_9001.pmap needs hst_cos_flatfile_9001.rmap, ",
        ),
        (
            lambda cache: (cache / "mappings/hst/hst_cos_flatfile_9001.rmap").write_text(""),
            "hst_9001.pmap needs hst_cos_flatfile_9001.rmap, ",
        ),
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


def test_a_cache_that_does_not_say_how_references_lie(sound, made_up):
    """CRDS takes one with more than 20 files for a flat one."""
    cache = shutil.copytree(made_up.crds, sound.folder / "cache")
    (cache / "config/hst/ref_cache_subdir_mode").unlink()
    ran = doctor(sound, "--instrument", "cos", CRDS_PATH=str(cache))
    few = len(list((cache / "references/hst").iterdir())) <= 20
    said = "in a folder for each instrument" if few else "in one folder"
    assert said in lines(ran)["CRDS cache"][1]
    for number in range(21):
        (cache / "references/hst" / f"mad00{number}.fits").touch()
    assert (
        "in one folder (flat)" in lines(doctor(sound, "--instrument", "cos", CRDS_PATH=str(cache)))["CRDS cache"][1]
    )


def test_mappings_that_a_context_was_derived_from_need_not_be_there(sound, made_up):
    cache = shutil.copytree(made_up.crds, sound.folder / "cache")
    for path in (cache / "mappings/hst").iterdir():
        path.write_text(path.read_text().replace("'made up for tests'", "'hst_cos_flatfile_0001.rmap'"))
    ran = doctor(sound, "--instrument", "cos", CRDS_PATH=str(cache))
    assert lines(ran)["CRDS context"] == ("ok", "hst_9001.pmap, operational in the cache")


@pytest.mark.engine("real HST data")
@pytest.mark.parametrize("context", ["", "hst_0537.pmap", "hst_0613.pmap", "hst_0651.pmap", "hst_0729.pmap"])
def test_real_contexts(sound, real_data, context):
    cache = sound.folder / "cache"
    with tarfile.open(real_data / "crds" / "hst_0729.tar.xz") as archive:
        archive.extractall(cache, filter="data")
    (cache / "references/hst").mkdir(parents=True)
    ran = doctor(sound, "--instrument", "cos", CRDS_PATH=str(cache), CRDS_CONTEXT=context)
    assert lines(ran)["CRDS context"] == ("ok", context or "hst_0729.pmap, operational in the cache"), ran.said


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
@pytest.mark.slow
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


@pytest.mark.slow
def test_s3_with_references_that_never_answers_is_told_in_time(sound, hanging):
    uris = {f"CRDS_{kind}_URI": f"s3://crds/{kind}" for kind in ("CONFIG", "MAPPING", "REFERENCE")}
    start = time.monotonic()
    ran = sound.hstdputils("doctor", "--instrument", "cos", AWS_ENDPOINT_URL=hanging, **uris, **CREDENTIALS)
    assert time.monotonic() - start < SLOWEST_SECONDS
    assert ran.status == 27, ran.said
    assert "s3://crds/CONFIG does not answer within 10 s: check" in lines(ran)["CRDS in S3"][1]
