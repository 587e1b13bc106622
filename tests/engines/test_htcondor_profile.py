"""`snakemake --profile htcondor` on a real pool, with a stand-in for calcos."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter

import pytest

from tests.conftest import ROOT
from tests.madeup import write_acq_image
from tests.stand_ins.debian_roots import NotThereError
from tests.stand_ins.htcondor.plugin import condor_plugin
from tests.stand_ins.htcondor.pool import as_user
from tests.stand_ins.programs.calcos import write_calcos

pytestmark = pytest.mark.engine("HTCondor", "Snakemake")

NAMES = [f"ldem99{letter}{number}q" for letter in "ab" for number in range(10)]
LARGE = NAMES[-1]

BEHAVIOUR = """
if target.startswith({large!r}) and count == 1:
    filled = bytearray(3 * 2**30)
    time.sleep(300)
time.sleep(1)
"""
"""All take a second; one takes more memory than it has, once."""


@pytest.fixture
def plugin():
    """Return the folders with Snakemake's plugin, or skip the test."""
    try:
        return condor_plugin(ROOT / "build")
    except NotThereError as reason:
        pytest.skip(str(reason))


@pytest.fixture
def calls(project, condor, plugin):
    """Set the project up for the pool, and return the file with the calls of calcos."""
    condor.empty()
    calls = write_calcos(project.folder / "bin", BEHAVIOUR.format(large=LARGE))
    path = os.pathsep.join([str(project.folder / "bin"), condor.variables["PATH"]])
    python_path = os.pathsep.join([*plugin, *filter(None, [os.environ.get("PYTHONPATH")])])
    project.commands.variables |= {**condor.variables, "PATH": path, "PYTHONPATH": python_path}
    for name in NAMES:
        write_acq_image(project.folder / "inputs" / name[:4] / name, name)
    project.config["inputs"] = "inputs"
    yield calls
    condor.empty()


def start(project, config="my.yaml"):
    """Start Snakemake, with a file for the configuration."""
    (project.folder / config).write_text("".join(f"{key}: {value}\n" for key, value in project.config.items()))
    command = [sys.executable, "-m", "snakemake", "--profile", "htcondor", "--seconds-between-status-checks", "1"]
    # a file of the command line takes the place of the profile's
    settings = (ROOT / "profiles/htcondor/settings.yaml").read_text()
    with (project.folder / config).open("a") as more:
        given = [line for line in settings.splitlines(keepends=True) if line.partition(":")[0] not in project.config]
        more.writelines(given)
    with (project.folder / "said.txt").open("a") as said:
        return subprocess.Popen(
            [*as_user(), *command, "--configfile", config],
            cwd=project.folder,
            env=project.commands.environment(),
            stdout=said,
            stderr=subprocess.STDOUT,
        )


def test_a_batch_of_20_with_a_kill_in_the_middle_and_one_out_of_memory(project, condor, calls):
    project.set_ids(*[name for name in NAMES if name != LARGE])
    process = start(project)
    condor.wait(lambda: len(calls.read_text().splitlines()) > 3 or process.poll() is not None, 120)
    said = (project.folder / "said.txt").read_text
    assert process.poll() is None, said()
    process.send_signal(signal.SIGKILL)
    process.wait()

    project.set_ids(*NAMES)
    assert start(project).wait(300) == 0, said()
    assert all(project.marker(name) for name in NAMES), said()
    counts = Counter(line.partition("_")[0] for line in calls.read_text().splitlines())
    assert counts == Counter([*NAMES, LARGE]), "nothing is done twice"

    marker = project.marker(LARGE)
    (earlier,) = marker["earlier"]
    assert earlier["outcome"] == "out_of_memory"
    assert "memory usage exceeded request_memory" in earlier["reason"]
    assert marker["plan_row"]["memory_mib"] == 2 * earlier["memory_mib"]
    assert marker["job"].endswith(".0")
    (job,) = condor.history(f'HstdpDataset == "{LARGE}" && ExitCode =?= 0')
    assert job["RequestMemory"] == marker["plan_row"]["memory_mib"] + 256
    assert job["AllowedExecuteDuration"] == marker["plan_row"]["max_seconds"] + 900
    assert (project.folder / f"logs/night-1/{LARGE}.log").stat().st_size > 0
    assert list((project.folder / "logs/htcondor/process").glob("*.err"))


def test_long_lists_go_as_one_cluster(project, condor, calls):
    some = NAMES[:4]
    project.set_ids(*some)
    project.config["jobs_up_to"] = 3
    said = (project.folder / "said.txt").read_text
    assert start(project).wait(120) == 0, said()
    assert all(project.marker(name) for name in some), said()
    assert len({project.marker(name)["job"].partition(".")[0] for name in some}) == 1, "one cluster"
    assert (project.folder / "results/night-1/report.html").exists()
    assert start(project).wait(60) == 0
    assert len(calls.read_text().splitlines()) == len(some), "nothing is done twice"


@pytest.mark.parametrize("jobs_up_to", [1000, 1], ids=["jobs", "cluster"])
@pytest.mark.parametrize(
    "lists",
    [
        [("night-1", NAMES[:3])] * 2,
        [("night-1", NAMES[:2]), ("night-1", NAMES[1:4])],
        [("night-1", NAMES[:2]), ("night-2", NAMES[1:3])],
    ],
    ids=["one batch", "one batch, two lists", "two batches"],
)
def test_two_runs_at_once_in_one_folder(project, condor, calls, lists, jobs_up_to):
    go = project.folder / "go"
    write_calcos(project.folder / "bin", f"while not pathlib.Path({str(go)!r}).exists():\n    time.sleep(0.1)")
    wanted = {(name, dataset) for name, names in lists for dataset in names}
    # jobs of one run wait for those of the other; a cluster has none for what was sent before
    n_jobs = sum(len(names) for _, names in lists) if jobs_up_to > 1 else len(wanted)
    said = (project.folder / "said.txt").read_text
    runs = []
    for number, (name, names) in enumerate(lists):
        (project.folder / f"{number}.ids").write_text("\n".join(names))
        project.config |= {"ids": f"{number}.ids", "batch": name, "jobs_up_to": jobs_up_to}
        runs.append(start(project, f"{number}.yaml"))

    def all_have_begun():
        planned = list(project.folder.glob("logs/*/runs/*/plan.out"))
        return len(planned) == 2 and len(condor.jobs()) == n_jobs and len(calls.read_text().split()) == len(wanted)

    try:
        condor.wait(lambda: all_have_begun() or any(run.poll() is not None for run in runs), 120)
        assert [run.poll() for run in runs] == [None, None], said()
    finally:
        go.touch()
        ended = [run.wait(240) for run in runs]
    assert ended == [0, 0], said()

    begun = Counter(line.partition("_")[0] for line in calls.read_text().splitlines())
    assert begun == Counter(dataset for _, dataset in wanted), said()
    for name in dict(lists):
        of_batch = sorted(dataset for one, dataset in wanted if one == name)
        report = json.loads((project.folder / f"results/{name}/report.json").read_text())
        n = len(of_batch)
        assert (report["batch"], report["n_datasets"], report["states"]) == (name, n, {"succeeded": n}), said()
        rows = report["datasets"]
        assert [row["ipppssoot"] for row in rows] == of_batch
        assert all(row["n_products"] and len(row["tries"]) == 1 for row in rows)
        assert all(project.marker_of(name, dataset)["attempt"] == 1 for dataset in of_batch)
