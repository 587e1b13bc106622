"""Apptainer from a later Debian, with libraries of its own, and a local image for it."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from tests.conftest import ROOT
from tests.stand_ins.docker.building import IMAGE
from tests.stand_ins.docker.running import CannotStart, find, install, run

_LIBRARIES = "lib/x86_64-linux-gnu"


def make_sif(folder: Path, variables: dict[str, str]) -> dict[str, str]:
    """Return a folder with the program apptainer, and the path of the image as a ``.sif`` file.

    Raises
    ------
    CannotStart
        Apptainer cannot be had here.
    OSError
        The image cannot be converted.
    """
    programs = folder / "programs"
    try:
        _install(folder, programs)
    except (OSError, subprocess.SubprocessError) as error:
        raise CannotStart(f"apptainer cannot be had: {str(error).splitlines()[-1]}") from error
    tar, sif = folder / "calcloud.tar", folder / "calcloud.sif"
    run(find("docker") or "docker", "save", "--output", tar, IMAGE, folder=folder, variables=variables)
    scratch = {name: str(folder / "scratch") for name in ("APPTAINER_CACHEDIR", "APPTAINER_TMPDIR")}
    (folder / "scratch").mkdir()
    quick = "--mksquashfs-args=-comp zstd -Xcompression-level 1"
    run(
        *(programs / "apptainer", "build", quick, sif, ROOT / "container/hstdp.def"),
        folder=folder,
        variables=scratch,
    )
    tar.unlink()
    shutil.rmtree(folder / "scratch")
    return {"programs": str(programs), "sif": str(sif)}


def _install(folder: Path, programs: Path) -> None:
    """Unpack apptainer and its libraries where nothing else sees them."""
    if own := shutil.which("apptainer"):
        programs.mkdir()
        (programs / "apptainer").symlink_to(own)
        return
    if os.uname().machine != "x86_64":
        raise CannotStart("apptainer is unpacked for x86_64 alone")
    install(folder, {"mmdebstrap": "mmdebstrap", "patchelf": "patchelf", "mksquashfs": "squashfs-tools"})
    root = folder / "apptainer"
    packages = "apptainer,libc6,libseccomp2,libsqlite3-0,libgcc-s1"
    late = 'Acquire::Check-Valid-Until "false"'
    run(
        *("mmdebstrap", "--variant=extract", f"--aptopt={late}", f"--include={packages}", "sid", root),
        folder=folder,
        timeout=180,
    )
    libraries = root / "usr" / _LIBRARIES
    for program in (root / "usr/bin/apptainer", libraries / "apptainer/bin/starter"):
        run(
            *("patchelf", "--set-interpreter", libraries / "ld-linux-x86-64.so.2"),
            *("--force-rpath", "--set-rpath", libraries, program),
            folder=folder,
        )
    # it looks for what it has in /etc and /var below its own /usr
    for name in ("etc", "var"):
        (root / "usr" / name).symlink_to(f"../{name}")
        (root / "usr/lib" / name).symlink_to(f"../../{name}")
    (root / "var/lib/apptainer/mnt/session").mkdir(parents=True, exist_ok=True)
    settings = root / "etc/apptainer/apptainer.conf"
    text = settings.read_text()
    for key in ("root default capabilities", "systemd cgroups"):
        text = re.sub(rf"^{key} = .*$", f"{key} = no", text, flags=re.MULTILINE)
    settings.write_text(text)
    programs.mkdir()
    (programs / "apptainer").symlink_to(root / "usr/bin/apptainer")
    run(programs / "apptainer", "version", folder=folder)
