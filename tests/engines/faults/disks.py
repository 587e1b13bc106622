"""Disks that are full, and files that change by themselves."""

import contextlib
import shutil
import subprocess
import time
from pathlib import Path

from tests.engines.faults.scene import Scene
from tests.stand_ins.s3.bad_store import Call

_ENOUGH = "64m"


def can_mount(folder: Path) -> bool:
    """Tell whether small file systems can be made here."""
    place = folder / "probe"
    place.mkdir()
    if not shutil.which("mount") or subprocess.run(_mount(place, "64k"), capture_output=True).returncode:
        return False
    subprocess.run(["umount", str(place)], check=True)
    return True


def _mount(place: Path, size: str) -> list[str]:
    return ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]


class FullWork:
    """The disk of the work folders is too small for what is running."""

    def place(self, scene: Scene) -> Path:
        """Return the folder."""
        return scene.work

    def before(self, scene: Scene) -> None:
        place = self.place(scene)
        place.mkdir(exist_ok=True)
        kib = scene.random.choice([16, 64, 300, 400, 800, 4200, 4500])
        subprocess.run(_mount(place, f"{kib}k"), check=True)

    def during(self, scene: Scene) -> None:
        pass

    def after(self, scene: Scene) -> None:
        """Let there be space; the scene's end takes the disk away."""
        subprocess.run(["mount", "-o", f"remount,size={_ENOUGH}", str(self.place(scene))], check=True)


class FullStore(FullWork):
    """The disk of the store is too small."""

    def place(self, scene: Scene) -> Path:
        """Return the folder."""
        return scene.folder / scene.output


def unmount(scene: Scene) -> None:
    """Take the scene's disks away."""
    for place in (scene.work, scene.folder / "results"):
        if place.is_mount():
            subprocess.run(["umount", "-l", str(place)], check=True)


class Corruption:
    """A file of a work folder changes after the manifest was made."""

    def before(self, scene: Scene) -> None:
        self.done = False
        if scene.proxy:
            scene.proxy.watchers.append(lambda call: self._at_request(scene, call))

    def during(self, scene: Scene) -> None:
        for _ in scene.moments(1e6):
            if self.done or scene.proxy:
                return
            for manifest in scene.work.glob("b/*/attempt-*/manifest.json"):
                self._corrupt(manifest.parent / "data")
            time.sleep(0)

    def after(self, scene: Scene) -> None:
        pass

    def _at_request(self, scene: Scene, call: Call) -> None:
        """Corrupt a file when the first request of a delivery comes."""
        if not self.done and "uploads" in call.query:
            for manifest in scene.work.glob("b/*/attempt-*/manifest.json"):
                self._corrupt(manifest.parent / "data")

    def _corrupt(self, data: Path) -> None:
        for path in sorted(data.glob("*.fits"), reverse=True)[:1]:
            with contextlib.suppress(OSError), path.open("r+b") as file:
                file.seek(-1, 2)
                file.write(b"?")
                self.done = True
