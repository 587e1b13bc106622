"""``make hstcal``: with recording stand-ins for the tools of conda-forge, and for real with cmake.

Small sources made here are built each time; hstcal's own where a copy is there.
"""

import functools
import http.server
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import venv
from pathlib import Path

import psutil
import pytest
from container import hstcal

from hstdputils.calibrate.recipe import recipe_for
from hstdputils.core.datasets import parse_dataset
from tests.conftest import ROOT, Commands, Ran
from tests.stand_ins.programs.hstcal import write_program
from tests.waiting import wait_until

SCRIPT = ROOT / "container/hstcal.py"
REAL_SOURCE = ROOT.parent / "shared/engines/hstcal-src.tar.xz"

TOOL = """#!/bin/sh
PATH=/usr/bin:/bin
for word; do printf '%s\\n' "$word"; done > "{calls}/$(date +%s%N)"
echo "what the tool says"
{behaviour}
"""
PROGRAM = "#!/bin/sh\\necho 1.2.3\\n"
MAKES = """mkdir -p {bin}
for name in calacs.e calwf3.e cs0.e; do printf '{program}' > {bin}/$name; chmod +x {bin}/$name; done
"""
INIT, ADD = 'test "$1" = add || {{ mkdir -p "$4"; exit 0; }}\n', "${{3%/*}}/.pixi/envs/default/bin"
PREFIX_OF_CREATE = 'while [ "$1" != --prefix ]; do shift; done\n'

CMAKE_LISTS = """cmake_minimum_required(VERSION 3.11)
project(small C)
set(CMAKE_EXECUTABLE_SUFFIX_C ".e")
foreach(name calacs calwf3 cs0)
  add_executable(${name} main.c)
  install(TARGETS ${name} DESTINATION bin)
endforeach()
"""
MAIN = '#include <stdio.h>\nint main(void) { puts("%s"); return 0; }\n'


@pytest.fixture
def site(tmp_path: Path) -> Commands:
    """Return commands on whose PATH is nothing but what a test puts into the folder ``bin``."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "calls").mkdir()
    return Commands(tmp_path, PATH=str(tmp_path / "bin"))


@pytest.fixture
def building(site: Commands) -> Commands:
    """Return commands that can build with cmake."""
    site.variables["PATH"] += ":/usr/local/bin:/usr/bin:/bin"
    if any(shutil.which(tool, path=site.variables["PATH"]) for tool in hstcal.CONDA_LIKE):
        pytest.skip("a tool of conda-forge is in a folder of the system, and would be taken")
    missing = site.run(sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{ASKS_FOR_TOOLS}").out
    if missing.strip():
        pytest.skip(f"hstcal cannot be built here: no {missing.strip()}")
    return site


ASKS_FOR_TOOLS = "from container import hstcal\nprint(', '.join(hstcal._missing_tools()))"


def bring(site: Commands, **variables: str) -> Ran:
    """Run the script, which makes the folder ``env/hstcal``."""
    return site.run(sys.executable, SCRIPT, site.folder / "env/hstcal", **variables)


def write_tool(site: Commands, name: str, behaviour: str | None = None) -> None:
    """Write a stand-in that notes its arguments and, where nothing else is said, makes what the tool makes."""
    if behaviour is None:
        made = INIT + MAKES.replace("{bin}", ADD) if name == "pixi" else PREFIX_OF_CREATE + MAKES
        behaviour = made.format(bin='"$2/bin"', program=PROGRAM)
    write_program(site.folder / "bin", name, TOOL.format(calls=site.folder / "calls", behaviour=behaviour))


def calls(site: Commands) -> list[list[str]]:
    return [path.read_text().splitlines() for path in sorted((site.folder / "calls").iterdir())]


def write_source(folder: Path, version: str = "10.5.0") -> Path:
    """Write the source of three programs that tell a version."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "CMakeLists.txt").write_text(CMAKE_LISTS)
    (folder / "main.c").write_text(MAIN % version)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def assert_failed(ran: Ran, *words: str) -> None:
    """Check that a run ended with one line with these words."""
    assert ran.status == 1, ran.said
    (line,) = ran.err.splitlines()
    assert line.startswith("error: ")
    assert [word for word in words if word not in line] == [], line


@pytest.mark.parametrize("tool", ["micromamba", "mamba", "conda"])
def test_a_tool_of_conda_makes_an_environment(site, tool):
    write_tool(site, tool)
    ran = bring(site)
    assert ran.status == 0, ran.said
    prefix = str(site.folder / "env/hstcal")
    options = ["--yes", "--quiet", "--override-channels", "--channel", "conda-forge"]
    assert calls(site) == [["create", *options, "--prefix", prefix, f"hstcal={hstcal.release()}"]]
    first, *found = ran.out.splitlines()
    assert first == (
        f"hstcal {hstcal.release()}: {tool} makes an environment of conda-forge in env/hstcal; log: env/hstcal.log"
    )
    assert [line.split() for line in found] == [
        [name, "1.2.3", f"env/hstcal/bin/{name}"] for name in ("calacs.e", "calwf3.e", "cs0.e")
    ]
    assert "what the tool says" in (site.folder / "env/hstcal.log").read_text()


def test_pixi_makes_a_project(site):
    write_tool(site, "pixi")
    ran = bring(site)
    assert ran.status == 0, ran.said
    prefix = site.folder / "env/hstcal"
    assert calls(site) == [
        ["init", "--channel", "conda-forge", str(prefix)],
        ["add", "--manifest-path", str(prefix / "pixi.toml"), f"hstcal={hstcal.release()}"],
    ]
    assert (prefix / "bin/cs0.e").is_file()
    assert ran.out.splitlines()[-1].split() == ["cs0.e", "1.2.3", "env/hstcal/bin/cs0.e"]


def test_the_first_of_the_tools_is_taken(site):
    for tool in ("pixi", "conda", "mamba", "micromamba"):
        write_tool(site, tool)
    for tool in hstcal.CONDA_LIKE:
        shutil.rmtree(site.folder / "env", ignore_errors=True)
        assert f": {tool} makes" in bring(site).out
        (site.folder / "bin" / tool).unlink()


def test_what_is_there_is_not_made_again(site):
    write_tool(site, "conda")
    assert bring(site).status == 0
    ran = bring(site)
    assert ran.status == 0, ran.said
    assert len(calls(site)) == 1
    assert ran.out.startswith(f"env/hstcal has hstcal {hstcal.release()} already")
    (site.folder / "env/hstcal/bin/cs0.e").unlink()
    assert bring(site).status == 0
    assert len(calls(site)) == 2, "a program is missing"


def test_programs_that_path_has_before_are_told(site):
    write_tool(site, "conda")
    other = write_program(site.folder / "bin", "calacs.e", "#!/bin/sh\necho 9.9\n")
    assert f"note: {other} is on PATH, and is used in its place" in bring(site).out.splitlines()


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        ("exit 3", "conda create ended with status 3: see env/hstcal.log"),
        ("true", "env/hstcal/bin/calacs.e does not run (No such file or directory): see env/hstcal.log"),
        (
            PREFIX_OF_CREATE + MAKES.format(bin='"$2/bin"', program="#!/bin/sh\\nexit 127\\n"),
            "env/hstcal/bin/calacs.e does not run (status 127): see env/hstcal.log",
        ),
    ],
)
def test_a_tool_that_fails_is_one_line_and_leaves_nothing(site, behaviour, said):
    write_tool(site, "conda", behaviour)
    assert_failed(bring(site), said)
    assert [path.name for path in (site.folder / "env").iterdir()] == ["hstcal.log"]
    assert "what the tool says" in (site.folder / "env/hstcal.log").read_text()


@pytest.mark.parametrize("is_stopped", [False, True], ids=["it fails", "it is stopped"])
def test_what_was_there_before_comes_back(site, is_stopped):
    write_tool(site, "conda")
    assert bring(site).status == 0
    home = site.folder / "env/hstcal"
    (home / "hstcal-origin.txt").write_text("hstcal 3.1.0\n")
    before = contents(home)
    write_tool(site, "conda", 'mkdir -p "$8/bin"; touch "$8/begun"; ' + ("exec sleep 60" if is_stopped else "exit 1"))
    running = site.start([sys.executable, SCRIPT, home])
    if is_stopped:
        wait_until((home / "begun").exists, running)
        running.send_signal(signal.SIGTERM)
    _, said = running.communicate(timeout=30)
    assert (running.returncode, said.splitlines()[-1][:7]) == ((130, "stopped") if is_stopped else (1, "error: "))
    assert contents(home) == before
    assert sorted(path.name for path in home.parent.iterdir()) == ["hstcal", "hstcal.log"]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("ignored", ["", "trap '' TERM HUP INT\n"], ids=["", "they ignore signals"])
def test_what_the_tool_has_started_ends_with_it(site, number, ignored):
    write_tool(site, "conda", f'{ignored}sh -c "sleep 60; true" &\necho $! > child\nwait')
    running = site.start([sys.executable, SCRIPT, site.folder / "env/hstcal"])
    child = site.folder / "child"
    wait_until(lambda: child.exists() and child.read_text().strip(), running)
    below = [*psutil.Process(running.pid).children(recursive=True), psutil.Process(int(child.read_text()))]
    running.send_signal(number)
    _, said = running.communicate(timeout=30)
    assert (running.returncode, said) == (130, "stopped\n")
    assert [process for process in below if process.is_running() and process.status() != psutil.STATUS_ZOMBIE] == []


def test_what_a_killed_run_put_aside_is_taken_up_again(site):
    write_tool(site, "conda", "exit 1")
    for folder, text in (("hstcal", "half"), ("hstcal.before", "whole")):
        (site.folder / "env" / folder).mkdir(parents=True)
        (site.folder / "env" / folder / "text").write_text(text)
    assert bring(site).status == 1
    assert contents(site.folder / "env/hstcal") == {"text": b"whole"}
    assert not (site.folder / "env/hstcal.before").exists()


def test_two_at_once_are_refused(site):
    write_tool(site, "conda", "exec sleep 60")
    first = site.start([sys.executable, SCRIPT, site.folder / "env/hstcal"])
    try:
        assert first.stdout
        first.stdout.readline()
        assert_failed(bring(site), "another process makes env/hstcal now: wait for it")
    finally:
        first.terminate()
        first.communicate(timeout=30)


def test_missing_tools_are_named_with_their_packages(site):
    assert_failed(
        bring(site, CC="", CXX="", FC=""),
        "without cmake, a C compiler, a C++ compiler, gfortran, make, pkg-config and cfitsio: apt-get install",
        "install cmake gcc g++ gfortran make pkg-config libcfitsio-dev (Debian), or put micromamba on PATH",
    )
    for tool in ("cmake", "cc", "c++", "make", "pkg-config"):
        write_program(site.folder / "bin", tool, "#!/bin/sh\nexit 0\n")
    assert_failed(bring(site), "without gfortran: apt-get install gfortran (Debian)")
    write_program(site.folder / "bin", "pkg-config", "#!/bin/sh\nexit 1\n")
    assert_failed(bring(site), "without gfortran and cfitsio: apt-get install gfortran libcfitsio-dev (Debian)")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("no", "is 'no', which is not there: name a folder or a tarball with hstcal's source, or say release"),
        ("text", "text is not a whole tarball: name one, or a folder (HSTCAL_SOURCE)"),
        ("empty", "empty has no CMakeLists.txt: name the source of hstcal (HSTCAL_SOURCE)"),
    ],
)
def test_a_source_that_is_none_is_one_line(site, source, said):
    for tool in ("cmake", "cc", "c++", "gfortran", "make", "pkg-config"):
        write_program(site.folder / "bin", tool, "#!/bin/sh\nexit 0\n")
    (site.folder / "text").write_text("text")
    (site.folder / "empty").mkdir()
    assert_failed(bring(site, HSTCAL_SOURCE=source), said)


@pytest.mark.slow
def test_a_folder_and_a_tarball_are_built(building):
    source = write_source(building.folder / "small-1")
    before = contents(source)
    write_tool(building, "conda")
    ran = bring(building, HSTCAL_SOURCE="small-1")
    assert ran.status == 0, ran.said
    assert calls(building) == [], "a source that is named is built, whatever else is there"
    assert ran.out.startswith(f"hstcal from {source}: cmake builds the source, which takes one to five minutes, in")
    assert "calacs.e  10.5.0    env/hstcal/bin/calacs.e" in ran.out.splitlines()
    assert contents(source) == before

    write_source(source, "10.6.0")
    assert "calacs.e  10.6.0 " in bring(building, HSTCAL_SOURCE="small-1").out, "a folder may have changed"

    with tarfile.open(building.folder / "small.tar.xz", "w:xz") as archive:
        archive.add(write_source(building.folder / "small-2", "10.7.0"), "small-2")
    assert "calacs.e  10.7.0 " in bring(building, HSTCAL_SOURCE="small.tar.xz").out
    assert "already, and nothing is done" in bring(building, HSTCAL_SOURCE="small.tar.xz").out

    (source / "main.c").write_text("no C")
    assert_failed(bring(building, HSTCAL_SOURCE="small-1"), "cmake --build ended with status", "see env/hstcal.log")
    assert "main.c:1" in (building.folder / "env/hstcal.log").read_text()
    assert "already, and nothing is done" in bring(building, HSTCAL_SOURCE="small.tar.xz").out


@pytest.mark.parametrize(
    ("source", "described"),
    [
        ("", ": cmake builds the source (none of micromamba, mamba, conda, pixi is on PATH), which"),
        ("release", " from its public source: cmake builds the source, which takes"),
    ],
)
def test_the_release_is_downloaded_and_built(building, monkeypatch, capfd, source, described):
    if source:
        write_tool(building, "conda")
    name = f"hstcal-{hstcal.release()}"
    with tarfile.open(building.folder / f"{hstcal.release()}.tar.gz", "w:gz") as archive:
        archive.add(write_source(building.folder / name), name)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(building.folder))
    monkeypatch.setenv("PATH", building.variables["PATH"])
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(hstcal, "SOURCE_URL", f"http://127.0.0.1:{server.server_port}/{{release}}.tar.gz")
        hstcal.bring(building.folder / "env/hstcal", source)
        server.shutdown()
    said = capfd.readouterr().out
    assert said.startswith(f"hstcal {hstcal.release()}{described}")
    assert "cs0.e     10.5.0 " in said


def test_a_tarball_is_unpacked_by_the_python_of_debian_12_too(tmp_path, monkeypatch):
    """Python 3.11.2 has no filters for what a tarball may write."""
    monkeypatch.delattr(tarfile, "data_filter", raising=False)
    write_source(tmp_path / "small")
    with tarfile.open(tmp_path / "small.tar", "w") as archive:
        archive.add(tmp_path / "small", "small")
        for name in ("../outside", "/tmp/outside", "small/../../outside"):
            archive.addfile(tarfile.TarInfo(name))
        link = tarfile.TarInfo("small/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    with (tmp_path / "log").open("w") as log:
        folder = hstcal._source_folder(tmp_path / "small.tar", tmp_path / "scratch", log)
    assert {path.name for path in folder.iterdir()} == {"CMakeLists.txt", "main.c"}
    assert {path.name for path in tmp_path.iterdir()} == {"log", "scratch", "small", "small.tar"}


def test_a_server_that_cannot_be_reached_is_one_line(building):
    ran = bring(building, https_proxy="http://127.0.0.1:9")
    url = f"https://github.com/spacetelescope/hstcal/archive/refs/tags/{hstcal.release()}.tar.gz"
    assert_failed(
        ran, f"{url} cannot be downloaded (", "see env/hstcal.log", "make hstcal HSTCAL_SOURCE=FOLDER|TARBALL"
    )
    assert url in (building.folder / "env/hstcal.log").read_text()


def test_the_programs_are_those_of_the_instruments():
    datasets = [parse_dataset(name) for name in ("j8cb010b0", "icau01010", "o56502010", "ldem01010")]
    programs = {program for dataset in datasets for program in recipe_for(dataset).programs}
    assert {program.name for program in programs if program.distribution == "hstcal"} == set(hstcal.PROGRAMS)
    assert all("make hstcal" in program.advice for program in programs if program.distribution == "hstcal")


@pytest.mark.engine("hstcal", "cmake")
@pytest.mark.slow
def test_make_hstcal_builds_the_real_programs_and_all_find_them(building, made_up):
    if not REAL_SOURCE.exists():
        pytest.skip(f"no source of hstcal: {REAL_SOURCE.relative_to(ROOT.parent)} is not there")
    home = building.folder / "venv"
    venv.create(home, symlinks=True, with_pip=False)
    (home / "ready").touch()
    packages = os.pathsep.join(path for path in sys.path if path)
    variables = {"HSTCAL_SOURCE": str(REAL_SOURCE), "CFLAGS": "-O0", "FFLAGS": "-O0"}
    ran = building.run("make", "-C", ROOT, "hstcal", f"VENV={home}", timeout=900, **variables)
    assert ran.status == 0, ran.said
    assert f"{REAL_SOURCE} (SHA-256 begins with " in ran.out
    assert "hstdputils finds them there, without any setting" in ran.out.splitlines()
    doctor = building.run(
        home / "bin/python", "-m", "hstdputils.doctor", "--json", PYTHONPATH=packages, CRDS_PATH=str(made_up.crds)
    )
    found = {item["subject"]: item for item in json.loads(doctor.out)["findings"]}
    for name in hstcal.PROGRAMS:
        assert found[name]["status"] == "ok", doctor.said
        assert found[name]["text"].endswith(f", {home}/hstcal/bin/{name}")
    assert subprocess.run([home / "hstcal/bin/cs0.e"], capture_output=True, check=False).returncode != 127
