"""The programs of a scene: a calcos whose calls can be told apart, and an ``hstdp-process`` whose clock jumps."""

import sys
from pathlib import Path

from tests.stand_ins.programs.calcos import write_calcos

_BEHAVIOUR = """
import atexit, fcntl, os, random, uuid
root = target.split("_")[0]
stamp = uuid.uuid4().hex
notes = pathlib.Path({notes!r})
alone = (notes / (root + ".busy")).open("a")
try:
    fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    (notes / "doubled.txt").open("a").write(root + "\\n")
time.sleep(random.random() * {seconds!r})
@atexit.register
def put_stamp():
    for suffix in suffixes[target.partition("_")[2]]:
        with pathlib.Path(root + "_" + suffix + ".fits").open("r+b") as product:
            product.seek(2880)
            product.write(stamp.encode())
    pathlib.Path(root + "_" + stamp[:6] + ".tra").write_text(stamp)
"""
"""Each call stamps all its products, leaves one more file under a name of its own, and notices another at work."""

_SHIFTED = """\
#!{python}
import datetime, sys
import hstdputils.attempts.attempt
from hstdputils.process.command import console

class Jumping(datetime.datetime):
    calls = 0
    @classmethod
    def now(cls, tz=None):
        cls.calls += 1
        jump = datetime.timedelta(seconds={jump!r} if cls.calls > 1 else 0)
        return datetime.datetime.now(tz) + jump

hstdputils.attempts.attempt.datetime = Jumping
sys.exit(console())
"""
"""Between the start and the end of an attempt the clock jumps."""


def write_programs(folder: Path, notes: Path, seconds: float) -> None:
    """Write ``calcos`` into a folder; its calls take up to so many seconds."""
    write_calcos(folder, _BEHAVIOUR.format(notes=str(notes), seconds=seconds))


def write_process_with_jumping_clock(folder: Path, jump: float) -> Path:
    """Write an ``hstdp-process`` that ends its attempts so many seconds off, and return it."""
    path = folder / "hstdp-process"
    path.write_text(_SHIFTED.format(python=sys.executable, jump=jump))
    path.chmod(0o755)
    return path
