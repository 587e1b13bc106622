"""An engine is a class that is found by its name: one that a site adds is an engine like ours, with all verbs."""

import json

import pytest

from hstdputils import cancel, clean, rescue, status, submit
from hstdputils.core import command_line
from hstdputils.core.errors import UserError
from hstdputils.engines import registry
from hstdputils.engines.base import Engine
from hstdputils.watch import command as watch
from tests.stand_ins.aws_batch.site import row, succeeded_marker
from tests.stand_ins.made_up_engine import MadeUp, Queue

CLASS = "tests.stand_ins.made_up_engine:MadeUp"


def add_by_line(monkeypatch, folder, value=CLASS):
    monkeypatch.setitem(registry.OWN, "made-up", value)


def add_by_entry_point(monkeypatch, folder, value=CLASS):
    package = folder / "packages" / "made_up-1.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: made-up\nVersion: 1\n")
    (package / "entry_points.txt").write_text(f"[{registry.GROUP}]\nmade-up = {value}\n")
    monkeypatch.syspath_prepend(folder / "packages")


class Site:
    """A store in a folder, the made-up engine's queue, and commands that reach both."""

    def __init__(self, folder, capsys):
        self.folder, self.store, self.queue, self._capsys = folder, folder / "store", Queue(folder), capsys
        self.plan = folder / "plan.out"

    def write(self, count):
        rows = [row(n, output=str(self.store)) for n in range(count)]
        self.plan.write_text("".join(f"{json.dumps(item)}\n" for item in rows))
        return [item["ipppssoot"] for item in rows]

    def run(self, command, *arguments):
        """Run a command, and return its exit status and what it said."""
        code = command_line.run(command.main, [str(word) for word in arguments])
        said = self._capsys.readouterr()
        return code, said.out + said.err

    def submit(self, *arguments):
        return self.run(submit, self.plan, "--engine=made-up", f"--queue={self.folder}", *arguments)

    def on_batch(self, command, *arguments):
        return self.run(command, f"{self.store}/b", *arguments)

    def jobs(self):
        """Return the ids of the jobs, in the order of their making."""
        return list(self.queue.read())


@pytest.fixture(params=[add_by_line, add_by_entry_point])
def site(request, monkeypatch, tmp_path, capsys):
    """Return a site that has added an engine, in one way or the other."""
    request.param(monkeypatch, tmp_path)
    monkeypatch.chdir(tmp_path)
    return Site(tmp_path, capsys)


def test_a_batch_on_an_engine_that_was_added(site):
    names = site.write(4)
    code, said = site.submit("--colour=blue", "--", "--crds-context=hst_1.pmap")
    assert (code, "b: 4 rows submitted in 4 jobs" in said) == (0, True), said
    assert json.loads((site.store / "b/jobs/0001/wave.json").read_text())["engine"] == "made-up"
    assert "4 rows left alone" in site.submit()[1]
    assert "4 waiting" in site.on_batch(watch, "--once")[1]

    jobs = site.jobs()
    site.queue.set(jobs[0], "held", "by an operator")
    site.queue.set(jobs[1], "out_of_memory", "killed")
    site.queue.set(jobs[2], "succeeded")
    marker = site.store / f"b/markers/succeeded/{names[2]}.json"
    marker.parent.mkdir(parents=True)
    marker.write_bytes(succeeded_marker(names[2]))
    code, said = site.on_batch(watch, "--once")
    assert f"{names[0]}  held: by an operator" in said
    assert f"{names[1]}  out_of_memory (killed): again with 4096 MiB, after 2048 MiB" in said
    assert site.queue.read()[site.jobs()[-1]]["memory_mib"] == 4096
    code, said = site.on_batch(status, "--outcome", "held", "--outcome", "waiting")
    assert "1 succeeded" in said
    assert f"{names[0]}  held  2048 MiB  1200 s  {jobs[0]}  by an operator" in said
    assert f"{names[3]}  waiting" in said
    assert "|held||2048|1200|" in site.on_batch(status, "--blackboard")[1]

    assert "3 jobs cancelled" in site.on_batch(cancel, "--all", "--yes", "--reason=enough")[1]
    assert json.loads((site.store / f"b/markers/failed/{names[0]}.json").read_text())["outcome"] == "cancelled"
    code, said = site.on_batch(watch)
    assert (code, "3 cancelled" in said) == (143, True)
    assert "1 datasets sent again" in site.on_batch(rescue, names[3])[1]
    last = json.loads((site.store / "b/jobs/0003/wave.json").read_text())
    assert (last["engine"], last["arguments"], last["again"]) == ("made-up", ["--crds-context=hst_1.pmap"], True)
    assert "1 datasets of b sent" in site.on_batch(rescue, names[0], "--into=b2")[1]
    assert json.loads((site.store / "b2/jobs/0001/wave.json").read_text())["engine"] == "made-up"
    assert site.on_batch(clean, "--all", "--yes")[0] == 2, "a job has not ended"
    site.queue.set(site.jobs()[-2], "cancelled")
    assert site.on_batch(clean, "--all", "--yes")[0] == 0


def test_its_options_are_those_of_submit(site, capsys):
    with pytest.raises(SystemExit):
        submit.main(["--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "{aws-batch,htcondor,made-up}" in said
    assert "--queue NAME folder of Made-up" in said
    assert "Made-up: each row is a line of a file." in said
    assert "Made-up: --colour COLOUR" in said


def test_a_batch_stays_on_its_engine(site):
    site.write(1)
    assert site.submit()[0] == 0
    code, said = site.run(submit, site.plan, "--engine=htcondor")
    assert code == 2
    assert "runs on Made-up, not on HTCondor: give --engine made-up" in said


def test_an_engine_that_cannot_see_folders_needs_a_store_in_s3(site, monkeypatch):
    monkeypatch.setattr(MadeUp, "shares_folders", False)
    site.write(1)
    code, said = site.submit()
    assert code == 2
    assert "which Made-up cannot reach: plan for s3://bucket" in said


def test_a_batch_whose_engine_is_gone(tmp_path, monkeypatch, capsys):
    site = Site(tmp_path, capsys)
    names = site.write(2)
    with monkeypatch.context() as patch:
        add_by_line(patch, tmp_path)
        assert site.submit()[0] == 0
    for verb in (watch, cancel, rescue):
        code, said = site.on_batch(verb, *([] if verb is watch else ["--all"]))
        assert code == 2
        assert "runs on 'made-up', which is not an engine of this machine: install the package that adds it" in said
    marker = site.store / f"b/markers/succeeded/{names[0]}.json"
    marker.parent.mkdir(parents=True)
    marker.write_bytes(succeeded_marker(names[0]))
    code, said = site.on_batch(status)
    assert code == 0
    assert "what follows is from the markers alone" in said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("no.such.module:Class", "the engine 'made-up' cannot be loaded from no.such.module:Class ("),
        ("tests.stand_ins.made_up_engine:Queue", "tests.stand_ins.made_up_engine:Queue is not an engine of the name"),
        ("hstdputils.engines.htcondor.engine:HTCondor", "is not an engine of the name 'made-up'"),
    ],
)
def test_a_broken_package_is_in_nobodys_way(tmp_path, monkeypatch, capsys, value, said):
    add_by_entry_point(monkeypatch, tmp_path, value)
    site = Site(tmp_path, capsys)
    site.write(1)
    code, told = site.submit()
    assert code == 2
    assert f"error: {told.partition('error: ')[2].rstrip()}" in told.splitlines()
    assert said in told
    assert site.run(submit, site.plan, "--engine=aws-batch")[1].startswith("note: ")


def test_each_engine_says_what_it_is():
    for name in registry.engine_names():
        engine = registry.engine_class(name)
        assert issubclass(engine, Engine)
        assert engine.title
        assert engine.about.startswith(f"{engine.title}: ")
    with pytest.raises(UserError, match=r"'htcondo' is not a known engine.*htcondor"):
        registry.engine_class("htcondo")
