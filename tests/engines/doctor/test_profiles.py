"""``hstdputils doctor`` with Snakemake profiles, from a project's folder."""

import os

import pytest

from tests.conftest import Commands
from tests.engines.doctor.running import doctor, lines
from tests.projects import Project
from tests.stand_ins.programs.calcos import write_calcos

pytestmark = pytest.mark.engine("CRDS")


@pytest.fixture
def here(project: Project) -> Commands:
    """Return commands in the project's folder, with a stand-in for calcos."""
    write_calcos(project.folder / "bin")
    variables = {"PATH": f"{project.folder / 'bin'}{os.pathsep}{project.commands.environment()['PATH']}"}
    (project.folder / "my.ids").write_text("ldem01acq\n")
    return Commands(project.folder, HOME=str(project.folder / "home"), **variables)


def test_onsite(here, made_up):
    entries = ("--config", "ids=my.ids", f"inputs={made_up.inputs}")
    ran = doctor(here, "--profile", "onsite", *entries)
    assert ran.status == 27, ran.said
    assert lines(ran)["CRDS cache"][1].startswith("/grp/crds/cache does not exist: set CRDS_PATH")
    ran = doctor(here, "--profile", "onsite", *entries, CRDS_PATH=str(made_up.crds))
    assert ran.status == 0, ran.said
    assert lines(ran)["profile"] == ("ok", "onsite/config.yaml")
    assert ran.out.splitlines()[-1] == "A run would start for COS."


def test_laptop_remote(here, made_up, server):
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


def test_a_profile_that_is_not_there_or_not_found_by_snakemake(here, made_up):
    ran = doctor(here, "--profile", "laptop-romote")
    assert ran.status == 2
    assert "no profile 'laptop-romote'; did you mean 'laptop-remote'? (" in ran.err
    (here.folder / "onsite").unlink()
    ran = doctor(here, "--profile", "onsite", "ldem01acq", CRDS_PATH=str(made_up.crds))
    assert "make setup, or write --profile profiles/onsite" in lines(ran)["profile"][1]


def test_an_executor_without_its_plugin(here, made_up):
    (here.folder / "pool").mkdir()
    (here.folder / "pool/config.yaml").write_text("executor: no-such-pool\n")
    entries = ("--config", "ids=my.ids", f"inputs={made_up.inputs}")
    ran = doctor(here, "--profile", "pool", *entries, CRDS_PATH=str(made_up.crds))
    assert ran.status == 2, ran.said
    assert "pip install snakemake-executor-plugin-no-such-pool" in lines(ran)["executor"][1]


def test_the_workflow_needs_a_store(here, made_up):
    entries = ("--config", "ids=my.ids", f"inputs={made_up.inputs}", "store=none")
    ran = doctor(here, "--profile", "onsite", *entries, CRDS_PATH=str(made_up.crds))
    assert ran.status == 2, ran.said
    assert "none, but the workflow needs a store for its markers: set store" in lines(ran)["store"][1]
