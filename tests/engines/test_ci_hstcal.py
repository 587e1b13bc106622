"""The programs of hstcal in `.ci/run`, with a stand-in for the script that builds them."""

import os
import shutil
from pathlib import Path

import pytest

from tests.conftest import ROOT, Commands, Ran
from tests.stand_ins.programs.hstcal import write_program

BUILDS = """\
echo built >> "${0%/*}/builds"
test ! -e "${0%/*}/fails" || { echo 'no gfortran' >&2; exit 1; }
mkdir -p "$1/bin"
for name in calacs.e calwf3.e cs0.e; do printf '#!/bin/sh\\necho 10.5\\n' > "$1/bin/$name"; done; chmod +x "$1"/bin/*
"""
MAKE = """\
#!/bin/sh
case "$1" in test*) echo "what ran" >> "$TESTS_SUMMARY";; esac
echo "make $1: $(command -v calacs.e || echo no calacs.e)"
"""


@pytest.fixture
def clone(tmp_path: Path) -> Commands:
    """Return commands in a clone, beside a folder with what builds the programs."""
    clone, engines = tmp_path / "clone", tmp_path / "shared/engines"
    for folder in (clone, engines, tmp_path / "home"):
        folder.mkdir(parents=True)
    shutil.copytree(ROOT / ".ci", clone / ".ci")
    (engines / "build-hstcal.sh").write_text(BUILDS)
    (engines / "hstcal-src.tar.xz").write_text("1")
    write_program(tmp_path / "bin", "make", MAKE)
    for tool in ("apt-get", "chromium", "dockerd", "mmdebstrap", "patchelf", "mksquashfs"):
        write_program(tmp_path / "bin", tool, "#!/bin/sh\nexit 0\n")
    path = f"{tmp_path / 'bin'}{os.pathsep}/usr/bin:/bin"
    return Commands(clone, PATH=path, HOME=str(tmp_path / "home"), XDG_CACHE_HOME="")


def hstcal(clone: Commands, *prefix: str, **variables: str) -> Ran:
    return clone.run(*prefix, ".ci/hstcal", "../shared/engines", **variables)


def engines(clone: Commands) -> Path:
    return clone.folder.parent / "shared/engines"


def builds(clone: Commands) -> int:
    """Return how often the programs were built."""
    return len((engines(clone) / "builds").read_text().splitlines())


def test_programs_are_built_once_for_a_source(clone):
    first, again = hstcal(clone), hstcal(clone)
    assert first.status == again.status == 0, first.said
    folder = Path(first.out.strip())
    assert again.out == first.out
    assert folder.parents[1] == clone.folder.parent / "home/.cache/calcloud"
    assert (folder / "cs0.e").exists()
    assert builds(clone) == 1
    (engines(clone) / "hstcal-src.tar.xz").write_text("2")
    assert hstcal(clone).out != first.out
    assert builds(clone) == 2


def test_kept_programs_that_do_not_run_are_built_anew(clone):
    write_program(Path(hstcal(clone).out.strip()), "cs0.e", "#!/bin/sh\nexit 127\n")
    assert hstcal(clone).status == 0
    assert builds(clone) == 2


def test_the_user_s_own_cache_folder_is_used(clone):
    cache = clone.folder.parent / "my cache"
    assert hstcal(clone, XDG_CACHE_HOME=str(cache)).out.startswith(f"{cache}/calcloud/hstcal-")


@pytest.mark.parametrize("home", ["none", "a file", "relative"])
def test_without_a_cache_the_clone_keeps_them(clone, home):
    (clone.folder.parent / "file").touch()
    prefix = {"none": ["env", "-u", "HOME", "-u", "XDG_CACHE_HOME"], "a file": ["env", "HOME=/dev/null"]}
    ran = hstcal(clone, *prefix.get(home, ["env", "XDG_CACHE_HOME=cache"]))
    assert ran.status == 0, ran.said
    assert ran.out.startswith(f"{clone.folder}/build/hstcal-")
    assert hstcal(clone, *prefix.get(home, ["env", "XDG_CACHE_HOME=cache"])).out == ran.out
    assert builds(clone) == 1


@pytest.mark.parametrize("is_there", [True, False])
def test_ci_runs_the_tests_with_them_and_says_so(clone, is_there):
    if not is_there:
        shutil.rmtree(engines(clone))
    ran = clone.run(".ci/run")
    assert ran.status == 0, ran.said
    lines = ran.out.splitlines()
    tested = [line for line in lines if line.startswith("make test")]
    assert tested
    assert lines[-3].startswith("make lint: ")
    assert lines[-2] == "what ran"
    if is_there:
        folder = Path(hstcal(clone).out.strip())
        assert all(line.endswith(f": {folder}/calacs.e") for line in tested)
        assert lines[-1] == f"hstcal: the tests had the programs of {folder}"
    else:
        assert all(line.endswith(": no calacs.e") for line in tested)
        assert lines[-1].startswith(
            "hstcal: not there (../shared/engines has no build-hstcal.sh): the tests that need"
        )


def test_a_build_that_fails_stops_nothing_else(clone):
    (engines(clone) / "fails").touch()
    ran = clone.run(".ci/run")
    assert ran.status == 0, ran.said
    assert "no gfortran" in ran.err
    assert ran.out.splitlines()[-1].startswith("hstcal: not there (../shared/engines/build-hstcal.sh has not built")


def test_it_is_said_too_where_the_tests_fail(clone):
    write_program(
        clone.folder.parent / "bin",
        "make",
        '#!/bin/sh\ncase "$1" in test*) echo "what ran" >> "$TESTS_SUMMARY"; exit 1;; esac\n',
    )
    ran = clone.run(".ci/run")
    assert ran.status != 0
    what, which = ran.out.splitlines()[-2:]
    assert what == "what ran"
    assert which.startswith("hstcal: the tests had the programs of ")
