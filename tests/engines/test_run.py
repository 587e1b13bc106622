"""The rows of a plan on this machine, each in a process of its own."""

import json
import os
import signal
import sys

import pytest

from tests.conftest import Commands
from tests.stand_ins.aws_batch.site import row
from tests.stand_ins.programs.calcos import write_calcos
from tests.stand_ins.programs.snooping import assert_nothing_found, secrets, write_snooping_calcos
from tests.waiting import kill_at, wait_until

EXPOSURES = ("ldem01acq", "ldem01tnq", "ldem01pkq", "ldem01omq")


class Machine:
    """A folder with a plan, and a stand-in for calcos that notes when it runs."""

    def __init__(self, commands, made_up, folder):
        self.made_up = made_up
        self.folder = commands.folder
        self.programs = folder / "programs"
        path = f"{self.programs}{os.pathsep}{commands.environment()['PATH']}"
        self.commands = Commands(
            commands.folder, **(commands.variables | {"PATH": path, "CRDS_PATH": str(made_up.crds)})
        )
        self.store = commands.folder / "results"
        self.behave("")

    def behave(self, behaviour):
        """Let calcos do this before it writes its products."""
        note = f"""
import os
notes = pathlib.Path({str(self.folder)!r})
def note(text):
    with (notes / "notes.txt").open("a") as file:
        print(text, target.split("_")[0], time.time(), file=file)
note("begin")
name = target.split("_")[0]
"""
        self.calls = write_calcos(self.programs, f"{note}\n{behaviour}\n", extra="import os, signal")

    def plan(self, *names, **sizes):
        rows = [{**row(0, **sizes), "ipppssoot": name, "output": "results"} for name in names]
        (self.folder / "plan.out").write_text("".join(f"{json.dumps(item)}\n" for item in rows))

    @property
    def words(self):
        return ["plan.out", "--cores=2", "--", f"--inputs={self.made_up.inputs}", "--crds-context=hst_9001.pmap"]

    def run(self, *options):
        return self.commands.hstdputils("run", *options, *self.words)

    def start(self, *options):
        return self.commands.start([sys.executable, "-m", "hstdputils.run", *options, *self.words])

    def marker(self, name, kind="succeeded"):
        return json.loads((self.store / f"b/markers/{kind}/{name}.json").read_text())

    def markers(self, kind="succeeded"):
        folder = self.store / "b/markers" / kind
        return sorted(path.stem for path in folder.iterdir()) if folder.exists() else []

    def begun(self):
        path = self.folder / "notes.txt"
        return [line.split()[1] for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def machine(commands, made_up, tmp_path):
    return Machine(commands, made_up, tmp_path)


def test_all_are_processed_once(machine):
    machine.plan("ldem01acq", "ldem01tnq")
    ran = machine.run("--to", "how/it-ended.txt")
    assert ran.status == 0, ran.said
    assert ran.out == "b: 2 of 2 datasets have ended: 2 succeeded\n"
    assert (machine.folder / "how/it-ended.txt").read_text() == ran.out
    assert machine.markers() == ["ldem01acq", "ldem01tnq"]
    assert machine.marker("ldem01acq")["plan_row"]["memory_mib"] == 2048
    assert "ldem01acq succeeded" in (machine.folder / "logs/b/ldem01acq.log").read_text()
    again = machine.run()
    assert again.status == 0
    assert sorted(machine.begun()) == ["ldem01acq", "ldem01tnq"]
    assert machine.run("--force").status == 0
    assert len(machine.begun()) == 4


@pytest.mark.slow
def test_a_page_is_kept_in_the_store(machine):
    machine.behave("if name == 'ldem01tnq':\n    sys.exit('calcos: <b>cannot</b>')")
    machine.plan("ldem01acq", "ldem01tnq")
    assert machine.run("--publish").status == 23
    page = (machine.store / "b/status.html").read_text()
    assert "2 of 2" in page
    assert "<b>" not in page
    assert "http-equiv" not in page
    values = json.loads((machine.store / "b/status.json").read_text())
    assert (values["total"], values["is_over"], values["families"][0]["datasets"]) == (2, True, 1)
    assert machine.commands.hstdputils("verify", "results/b").status == 0


@pytest.mark.slow
def test_a_program_that_is_killed_gets_more_memory(machine):
    machine.behave("if name == 'ldem01acq' and count == 1:\n    os.kill(os.getpid(), signal.SIGKILL)")
    machine.plan("ldem01acq", "ldem01tnq", memory_mib=1000)
    ran = machine.run()
    assert ran.status == 0, ran.said
    assert "again with 2000 MiB, after 1000 MiB" in ran.err
    marker = machine.marker("ldem01acq")
    assert marker["plan_row"]["memory_mib"] == 2000
    assert [one["outcome"] for one in marker["earlier"]] == ["out_of_memory"]
    assert machine.marker("ldem01tnq")["plan_row"]["memory_mib"] == 1000


@pytest.mark.slow
def test_a_calibration_error_is_not_tried_again(machine):
    machine.behave("if name == 'ldem01acq':\n    sys.exit('calcos: cannot')")
    machine.plan("ldem01acq", "ldem01tnq")
    ran = machine.run()
    assert ran.status == 23
    assert "1 succeeded, 1 calibration_error" in ran.out
    assert machine.begun().count("ldem01acq") == 1
    assert machine.markers("failed") == ["ldem01acq"]


@pytest.mark.slow
def test_retries_have_an_end(machine):
    machine.behave("os.kill(os.getpid(), signal.SIGKILL)")
    machine.plan("ldem01acq")
    ran = machine.run("--retries=1")
    assert ran.status == 31
    assert "no retries are left" in ran.err
    assert machine.begun() == ["ldem01acq"] * 2


@pytest.mark.slow
def test_a_process_that_is_killed_leaves_a_marker_and_is_tried_again(machine):
    machine.behave("if count == 1:\n    os.kill(os.getppid(), signal.SIGKILL)\n    time.sleep(9)")
    machine.plan("ldem01acq")
    ran = machine.run()
    assert ran.status == 0, ran.said
    assert "unknown (ended by signal 9 without a marker): again with the same size" in ran.err
    assert [one["outcome"] for one in machine.marker("ldem01acq")["earlier"]] == ["unknown"]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.slow
def test_it_can_be_stopped_and_goes_on(machine, number, status):
    machine.behave("if not (notes / 'go').exists():\n    time.sleep(60)")
    machine.plan(*EXPOSURES)
    process = machine.start()
    wait_until(lambda: len(machine.begun()) >= 2, process)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == status, out + err
    assert "go on   hstdputils run" in err
    assert [machine.marker(name, "failed")["outcome"] for name in machine.markers("failed")] == ["cancelled"] * 2
    (machine.folder / "go").touch()
    ran = machine.run()
    assert ran.status == 0, ran.said
    assert machine.markers() == sorted(EXPOSURES)


@pytest.mark.slow
def test_a_second_one_is_told(machine):
    machine.behave("while not (notes / 'go').exists():\n    time.sleep(0.1)")
    machine.plan("ldem01acq")
    first = machine.start()
    wait_until(machine.begun, first)
    second = machine.run()
    assert second.status == 1
    assert "is working on this batch: wait until it ends" in second.err
    (machine.folder / "go").touch()
    assert first.wait(60) == 0
    assert machine.begun() == ["ldem01acq"]


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on(machine):
    machine.behave("time.sleep(1)")
    machine.plan(*EXPOSURES)
    process = machine.start()
    kill_at(process, machine.begun)
    ran = machine.run()
    assert ran.status == 0, ran.said
    assert machine.markers() == sorted(EXPOSURES)
    assert all(machine.marker(name)["attempt"] == 1 for name in EXPOSURES)


@pytest.mark.engine("Snakemake")
@pytest.mark.slow
def test_long_lists_go_through_one_job_of_snakemake(project, tmp_path):
    write_calcos(tmp_path / "bin")
    path = f"{tmp_path / 'bin'}{os.pathsep}{project.commands.environment()['PATH']}"
    project.set_ids(*EXPOSURES)
    project.config |= {"jobs_up_to": 3}
    ran = project.snakemake("--profile", "onsite", PATH=path)
    assert ran.status == 0, ran.said
    assert "4 of 4 datasets have ended: 4 succeeded" in ran.said
    (log,) = (project.folder / ".snakemake/log").glob("*.log")
    stats = log.read_text().partition("Job stats")[2].partition("total")[0]
    assert "jobs " in stats
    assert "process " not in stats
    assert (project.folder / "results/night-1/report.html").exists()
    assert project.marker("ldem01acq")["attempt"] == 1
    again = project.snakemake("--profile", "onsite", PATH=path)
    assert "Nothing to be done" in again.said


def test_a_program_finds_no_secret(machine):
    write_snooping_calcos(machine.programs)
    machine.commands.variables |= secrets()
    machine.plan("ldem01acq")
    assert machine.run().status == 23
    assert_nothing_found((machine.store / "b/ldem01acq/process.log").read_text())


def test_a_wrong_set_up_is_found_before_the_first_dataset(machine):
    machine.plan("ldem01acq", "ldem01tnq")
    machine.commands.variables["CRDS_PATH"] = str(machine.folder / "no-cache")
    ran = machine.run()
    assert ran.status == 27, ran.said
    (line,) = (line for line in ran.err.splitlines() if line.startswith("error: "))
    assert line.startswith(f"error: CRDS cache: {machine.folder}/no-cache does not exist: set CRDS_PATH")
    assert (machine.markers("failed"), list(machine.folder.rglob("ldem01acq.log"))) == ([], [])
    # without it, every dataset says so itself
    assert machine.run("--no-preflight").status == 27
    assert machine.markers("failed") == ["ldem01acq", "ldem01tnq"]


def test_options_of_process_are_read_before_the_first_dataset(machine):
    machine.plan("ldem01acq")
    ran = machine.commands.hstdputils("run", *machine.words, "--no-such-option")
    assert ran.status == 2
    assert ran.err.splitlines()[-1].startswith("error: unrecognized arguments: --no-such-option")
