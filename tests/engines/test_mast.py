"""Inputs from MAST over HTTP, as astroquery asks for them, with all that networks do to it."""

import re

import pytest

from hstdputils.store.transfers import TRIES
from tests.conftest import mast_settings
from tests.engines.honesty import assert_complete, marker_of
from tests.stand_ins.mast.server import TOKEN

pytestmark = pytest.mark.engine("CRDS", "astroquery")

DATASET, SPECTRUM, ASSOCIATION, MEMBERS = "ldem01acq", "ldem01tnq", "ldem01010", ("ldem01f1q", "ldem01f2q")

RAW = f"{DATASET}_rawacq.fits"
"""A file of 4 MB."""

STEP = re.compile(r"\w{9}  \w+ +(done|failed) +[\d.]+ s")


def process(commands, *arguments, **variables):
    """Run the command, and check that nothing is said but what it says itself."""
    ran = commands.hstdputils("process", "results", "b", *arguments, **variables)
    assert all(STEP.fullmatch(line) for line in ran.err.splitlines()), ran.said
    assert all(line.startswith("ldem") for line in ran.out.splitlines()), ran.out
    assert "Traceback" not in ran.said
    return ran


def files_of(made_up, *names):
    return sorted(path.name for name in names for path in (made_up.inputs / "ldem" / name).iterdir())


def assert_raw_is_whole(commands, made_up):
    """Check the raw file among the products; calibration has changed its header alone."""
    assert_complete(commands.folder / "results", DATASET)
    stored = (commands.folder / "results/b" / DATASET / RAW).read_bytes()
    original = (made_up.inputs / "ldem" / DATASET / RAW).read_bytes()
    assert len(stored) == len(original)
    assert stored[-4_000_000:] == original[-4_000_000:]


def test_an_exposure(with_mast, mast, made_up):
    ran = process(with_mast, "--inputs=mast:", DATASET)
    assert ran.status == 0, ran.said
    assert len(ran.out.splitlines()) == 1
    assert_raw_is_whole(with_mast, made_up)
    assert mast.of("query") == mast.of("list") == [DATASET]
    assert sorted(mast.of("file")) == files_of(made_up, DATASET)
    assert not mast.of("whoami")
    log = (with_mast.folder / "results/b" / DATASET / "process.log").read_text()
    assert "from mast:" in log


@pytest.mark.slow
def test_an_association_is_one_query(commands, way_to_mast, mast, made_up):
    """Real calcos makes the products, of members that MAST knows by the association alone."""
    settings = mast_settings(way_to_mast.endpoint)
    ran = process(commands, "--inputs=mast:", ASSOCIATION, XDG_CONFIG_HOME=str(settings))
    assert ran.status == 0, ran.said
    assert_complete(commands.folder / "results", ASSOCIATION)
    assert mast.of("query") == [ASSOCIATION]
    assert sorted(mast.of("file")) == files_of(made_up, ASSOCIATION, *MEMBERS)


def test_a_member_is_found_by_its_visit(with_mast, mast, made_up):
    ran = process(with_mast, "--inputs=mast:", *MEMBERS)
    assert ran.status == 0, ran.said
    assert mast.of("query") == [MEMBERS[0], "ldem01%"]
    assert sorted(mast.of("file")) == files_of(made_up, *MEMBERS)


@pytest.mark.slow
def test_mast_is_asked_for_what_the_public_bucket_lacks(with_mast, mast, s3, public_bucket, made_up):
    """A dataset, a member of an association, and what MAST lacks too."""
    for name in (SPECTRUM, MEMBERS[1]):
        for key in s3.keys("stpubdata", f"hst/public/ldem/{name}/"):
            s3.client.delete_object(Bucket="stpubdata", Key=key)
    ran = process(with_mast, DATASET, SPECTRUM, ASSOCIATION, "ldem99zzq", **s3.variables)
    assert mast.of("query") == [SPECTRUM, MEMBERS[1], "ldem01%", "ldem99zzq", "ldem99%"]
    assert sorted(mast.of("file")) == files_of(made_up, SPECTRUM, MEMBERS[1])
    lines = ran.out.splitlines()
    assert [line.partition(":")[0] for line in lines[:2]] == [f"{DATASET} succeeded", f"{SPECTRUM} succeeded"]
    assert lines[2].startswith(f"{ASSOCIATION} calibration_error"), "the stand-in cannot make its products"
    reason = "no raw files of ldem99zzq in s3://stpubdata/hst/public or mast: check the id, or name another source"
    assert lines[3].startswith(f"ldem99zzq bad_input (exit code 22): {reason}")


def test_a_source_that_fails_is_not_passed_over(with_mast, mast):
    ran = process(with_mast, DATASET, AWS_ENDPOINT_URL="http://127.0.0.1:9", AWS_MAX_ATTEMPTS="1")
    assert ran.status == 26, ran.said
    assert "storage_error" in ran.out
    assert not mast.asked


def test_downloads_that_are_cut_go_on_where_they_stopped(with_mast, mast, way_to_mast, made_up):
    cuts, length = 9, 5 * 2**16
    way_to_mast.disturb("GET", RAW, times=1, status=503)
    way_to_mast.disturb("GET", RAW, times=cuts, cut_after=length)
    way_to_mast.disturb("GET", RAW, times=1, status=500)
    ran = process(with_mast, "--inputs=mast:", DATASET)
    assert ran.status == 0, ran.said
    assert_raw_is_whole(with_mast, made_up)
    starts = [request.start or 0 for request in way_to_mast.of("GET") if RAW in request.query]
    assert starts == [0, *(number * length for number in range(cuts + 1)), cuts * length]


def test_a_download_without_ranges_or_a_listed_size_begins_anew(with_mast, mast, way_to_mast, made_up):
    mast.has_ranges = False
    mast.sizes[RAW] = None
    way_to_mast.disturb("GET", RAW, times=2, cut_after=2_000_000)
    ran = process(with_mast, "--inputs=mast:", DATASET)
    assert ran.status == 0, ran.said
    assert_raw_is_whole(with_mast, made_up)
    assert mast.of("file").count(RAW) == 3
    assert mast.of("size") == [RAW]


@pytest.mark.parametrize("status", [500, 503])
@pytest.mark.slow
def test_questions_are_asked_again(with_mast, mast, way_to_mast, status):
    questions = [("GET", "whoami"), ("POST", "columnsconfig"), ("POST", "invoke")]
    faults = [way_to_mast.disturb(method, what, times=1, status=status) for method, what in questions]
    ran = process(with_mast, "--inputs=mast:", DATASET, MAST_API_TOKEN=TOKEN)
    assert ran.status == 0, ran.said
    assert [fault.times for fault in faults] == [0, 0, 0]


@pytest.mark.slow
def test_what_does_not_pass_is_one_line(with_mast, way_to_mast):
    """Logging in, a list, and files, each for a dataset of its own."""
    refused = f"{MEMBERS[1]}_rawtag.fits"
    way_to_mast.disturb("GET", "whoami", times=TRIES, status=503)
    way_to_mast.disturb("POST", "invoke", times=TRIES, status=503)
    way_to_mast.disturb("GET", RAW, status=503)
    way_to_mast.disturb("GET", refused, status=403)
    ran = process(with_mast, "--inputs=mast:", SPECTRUM, MEMBERS[0], DATASET, MEMBERS[1], MAST_API_TOKEN=TOKEN)
    server = way_to_mast.endpoint
    assert_failed(ran, "storage_error", f"cannot log in at {server}: MAST answered 503 (", SPECTRUM)
    assert_failed(ran, "storage_error", f"cannot ask {server} for {MEMBERS[0]}: MAST answered 503 (", MEMBERS[0])
    assert_failed(
        ran, "storage_error", f"cannot read mast:HST/product/{RAW} from {server}: MAST answered 503 (", DATASET
    )
    assert ran.out.count("try again later") == 3
    line = assert_failed(ran, "bad_input", f"cannot read mast:HST/product/{refused}", MEMBERS[1])
    assert "the owner of MAST_API_TOKEN may not read it" in line


def assert_failed(ran, outcome, says, dataset=DATASET):
    assert ran.status == 22, ran.said
    (line,) = [line for line in ran.out.splitlines() if line.startswith(dataset)]
    assert line.startswith(f"{dataset} {outcome} (exit code 22): {says}"), line
    return line


@pytest.mark.slow
def test_a_file_of_another_size_is_not_taken(with_mast, mast, made_up):
    differences = {RAW: 1000, f"{SPECTRUM}_rawtag.fits": -1000}
    files = {name: made_up.inputs / "ldem" / name[:9] / name for name in differences}
    mast.sizes = {name: path.stat().st_size + differences[name] for name, path in files.items()}
    ran = process(with_mast, "--inputs=mast:", "--keep-work=always", DATASET, SPECTRUM)
    for name, path in files.items():
        came = f"came with {path.stat().st_size} bytes, not {mast.sizes[name]}: try again"
        assert_failed(ran, "storage_error", f"mast:HST/product/{name} {came}", name[:9])
        assert not list(with_mast.folder.rglob(name))
        assert marker_of(with_mast.folder / "results", name[:9]) is None


@pytest.mark.slow
def test_data_that_are_not_public_yet(with_mast, mast, made_up):
    mast.not_public.add(DATASET)
    refused = f"cannot read mast:HST/product/{DATASET}_"
    ran = process(with_mast, "--inputs=mast:", DATASET)
    assert_failed(ran, "bad_input", refused)
    assert "it is not public: set MAST_API_TOKEN to the token of somebody who may read it" in ran.out

    ran = process(with_mast, "--inputs=mast:", DATASET, MAST_API_TOKEN="of-nobody")
    assert_failed(ran, "bad_input", "cannot log in at http")
    assert "MAST does not accept the token in MAST_API_TOKEN: make a new one at https://auth.mast" in ran.out
    assert "of-nobody" not in ran.said

    ran = process(with_mast, "--inputs=mast:", "--keep-work=always", DATASET, MAST_API_TOKEN=TOKEN)
    assert ran.status == 0, ran.said
    assert_raw_is_whole(with_mast, made_up)
    assert TOKEN not in ran.said
    assert not [
        path for path in with_mast.folder.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()
    ]


@pytest.mark.slow
def test_a_disk_that_is_full(with_mast):
    """Files may have 1 MB at most."""
    words = "ulimit -f 1000; python -m hstdputils.process results b --inputs=mast: ldem01acq"
    ran = with_mast.run("bash", "-c", words)
    assert_failed(ran, "storage_error", "cannot save a download: [Errno 27] File too large: free some space")


@pytest.mark.slow
def test_astroquery_is_imported_only_for_mast(with_stand_in, made_up):
    """Its import takes as long as all of a short job."""
    code = (
        "import sys; from hstdputils.process.command import main; main(sys.argv[1:]); "
        "print('astroquery' in sys.modules)"
    )
    call = ("-c", code, "results", "b", f"--inputs={made_up.inputs}", "--inputs=mast:", DATASET)
    ran = with_stand_in.run("python", *call)
    assert ran.out.splitlines()[-1] == "False", ran.said


def write_plan(commands):
    planned = commands.hstdputils("plan", "none", "b", DATASET)
    assert planned.status == 0, planned.said
    (commands.folder / "plan.out").write_text(planned.out)


@pytest.mark.parametrize("has_ranges", [True, False])
def test_sync_reads_no_more_of_a_file_than_its_headers(with_mast, mast, way_to_mast, has_ranges):
    """A server without ranges is cut short."""
    mast.has_ranges = has_ranges
    write_plan(with_mast)
    ran = with_mast.hstdputils("sync", "plan.out", "--inputs=mast:")
    assert (ran.status, ran.err) == (0, ""), ran.said
    assert mast.of("file") == [RAW]
    if has_ranges:
        assert way_to_mast.bytes_sent < 200_000


def test_what_sync_fetches_from_mast_is_in_the_input_cache_for_the_jobs(with_mast, mast):
    write_plan(with_mast)
    ran = with_mast.hstdputils("sync", "plan.out", "--inputs=mast:", "--keep-inputs=cache")
    assert (ran.status, ran.err) == (0, ""), ran.said
    assert sorted(mast.of("file")) == [RAW, f"{DATASET}_spt.fits"]
    mast.asked.clear()
    ran = with_mast.hstdputils("process", "none", "b", "--inputs=mast:", "--keep-inputs=cache", DATASET)
    assert ran.status == 0, ran.said
    assert mast.asked == []
