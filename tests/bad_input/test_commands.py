"""Bad input: command lines, and what a command finds when it starts."""

import os

from tests.bad_input.kinds import IMAGE, Kind, Place, check, each_of, nothing, plan, process
from tests.bad_input.setups import batch_of_another_context
from tests.stand_ins.programs.calcos import write_bare_python, write_calcos
from tests.waiting import wait_until


def python_without_programs(place: Place) -> None:
    """Link the interpreter into a folder of its own, where no calibration program is."""
    place.set(**write_bare_python(place.folder / "bare"))


def another_process_at_work(place: Place) -> None:
    """Start the same command with a stand-in for calcos that takes long."""
    calls = write_calcos(place.folder / "bin", "if target.endswith('.fits'): time.sleep(60)")
    place.set(PATH=f"{place.folder / 'bin'}{os.pathsep}{place.commands.environment()['PATH']}")
    other = place.commands.start(
        ["hstdputils", "process", "out", "b", IMAGE, "--inputs", place.made_up.inputs, "--keep-work", "never"]
    )

    def stop() -> None:
        other.terminate()
        other.communicate(timeout=30)

    place.cleanup.callback(stop)
    wait_until(lambda: "rawacq" in calls.read_text(), other)


KINDS = [
    Kind("no such command", nothing, "hstdputils plna", 2, "'plna'; did you mean 'plan'?"),
    plan("no such option", "none b ldem01acq --nope", "--nope: see hstdputils plan --help"),
    plan("an id forgotten", "none b", "required: ipppssoots: see hstdputils plan --help"),
    plan("a batch with a slash", "none a/b ldem01acq", "'a/b' is not a valid batch name: use letters"),
    plan(
        "an unknown store", "gs://x b ldem01acq", "'gs://x' is not a valid store: give s3://bucket, a folder, or none"
    ),
    plan("a store without bucket", "s3:// b ldem01acq", "'s3://' names no bucket: write s3://bucket"),
    process("an unknown source", "out b ldem01acq --inputs ftp://x", 2, "'ftp://x' is not a source…: give a folder"),
    process(
        "a time of nothing", "out b ldem01acq --max-seconds 0", 2, "--max-seconds: '0' is not a whole number above 0"
    ),
    process(
        "a row that is no row",
        "out b ldem01acq --plan-row '[]'",
        2,
        "--plan-row: '[]' is not a valid JSON object: give",
    ),
    Kind("an unknown batch", nothing, "hstdputils report out b", 2, "no batch 'b' in out…: correct the store or"),
    Kind(
        "no hstcal",
        python_without_programs,
        "bare/python -m hstdputils process out b o56502010 --inputs {inputs}",
        2,
        "the program cs0.e is not on PATH: run make hstcal, or use the container",
    ),
    process(
        "another context",
        f"out b {IMAGE} --crds-context hst_9002.pmap",
        2,
        "batch 'b' in out…hst_9001.pmap, not hst_9002.pmap: choose another batch name, or…--force",
        batch_of_another_context,
        keeps="out",
    ),
    Kind(
        "no calcos",
        python_without_programs,
        f"bare/python -m hstdputils process out b {IMAGE} --inputs {{inputs}}",
        2,
        "the program calcos is not on PATH: pip install",
    ),
    process(
        "two processes at once",
        f"out b {IMAGE}",
        1,
        f"{IMAGE} cancelled: process…is at work on…{IMAGE}: wait for it, or name another --work",
        another_process_at_work,
        keeps_attempt=True,
    ),
]


@each_of(KINDS)
def test_bad_input(kind: Kind, place: Place):
    check(kind, place)
