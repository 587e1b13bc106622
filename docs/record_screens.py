"""Record what a person sees of runs, as the pictures in docs/screens/: `python docs/record_screens.py [NAME ...]`.

Each command runs in a terminal of tmux, on made-up ids; a script that waits stands for `hstdputils process`, and
stand-ins of the tests for AWS Batch and S3. What the terminal then shows becomes a picture.
"""

import contextlib
import io
import json
import logging
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "workflow")]
SCREENS = ROOT / "docs/screens"
LETTERS = {"acs": "j", "cos": "l", "wfc3": "i"}
STAND_IN = """\
#!/bin/bash
for ((i = 1; i <= $#; i++)); do
    case ${!i} in --plan-row|--memory-mib|--max-seconds|--try|--attempt|--copy-marker) j=$((i + 1)); last=${!j}
        [ "${!i}" = --copy-marker ] && copy=$last; ((i++)) ;;
    --*) ;;
    *) store=$batch; batch=$name; name=${!i} ;;
    esac
done
sleep ${STAND_IN_SECONDS:-0.1}
outcome=succeeded; code=0; reason=""; kind=succeeded
if grep -qs "$name" failing; then
    outcome=calibration_error; code=23; kind=failed
    reason="calcos ended with 1: no good events in ${name}_rawtag.fits"
fi
now=$(date -u +%FT%T.%3N+00:00)
mkdir -p "$store/$batch/markers/$kind"
cat > "$store/$batch/markers/$kind/$name.json" <<END
{"ipppssoot": "$name", "batch": "$batch", "outcome": "$outcome", "exit_code": $code, "reason": "$reason",
"attempt": 1, "plan_row": null, "crds_context": "hst_9001.pmap", "versions": {}, "host": "h", "wall_seconds": 0.1,
"start": "$now", "end": "$now", "cpu_seconds": 0.1, "peak_memory_mib": 900, "bytes_in": 0, "bytes_out": 0,
"n_products": 0, "manifest_sha256": "", "job": "$HSTDP_JOB"}
END
echo "$name $outcome: $reason"
[ $code = 0 ] && [ -n "$copy" ] && cp "$store/$batch/markers/succeeded/$name.json" "$copy" 2>/dev/null
exit $code
"""


def name_of(number: int, instrument: str = "cos") -> str:
    """Return a made-up ipppssoot."""
    symbols = "0123456789abcdefghijklmnopqrstuvwxyz"
    return LETTERS[instrument] + "".join(symbols[number // 36**place % 36] for place in range(6, -1, -1)) + "q"


@contextlib.contextmanager
def project(n: int, n_failing: int = 0, **config: str) -> Iterator[Path]:
    """Return a folder that looks like the project's root, with a list of ids and a configuration."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("Snakefile", "rules", "config", "profiles", "workflow"):
            (folder / part).symlink_to(ROOT / part)
        (folder / "onsite").symlink_to("profiles/onsite")
        names = [name_of(number) for number in range(n)]
        (folder / "my.ids").write_text("".join(f"{item}\n" for item in names))
        failing = [names[(number + 1) * n // (n_failing + 1)] for number in range(n_failing)]
        (folder / "failing").write_text("".join(f"{item}\n" for item in failing))
        (folder / "stand-in").write_text(STAND_IN)
        (folder / "stand-in").chmod(0o755)
        given = {"ids": "my.ids", "batch": "night", "store": "results", "plan": "{read_headers: never}"}
        given |= {"process_command": "./stand-in"} | config
        (folder / "night.yaml").write_text("".join(f"{key}: {value}\n" for key, value in given.items() if value))
        yield folder


class Terminal:
    """A terminal of tmux with a shell in a folder."""

    def __init__(self, folder: Path, columns: int = 100, lines: int = 24, **variables: str) -> None:
        self._name = f"record-{os.getpid()}"
        self.columns = columns
        self._run("kill-server", check=False)
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        shown = {"PATH": path, "PS1": "$ ", **variables}
        command = shlex.join(["env", *(f"{key}={value}" for key, value in shown.items()), "bash", "--norc"])
        size = ["-x", str(columns), "-y", str(lines)]
        self._run("-f", "/dev/null", "new-session", "-d", *size, "-c", str(folder), command)

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        self._run("kill-server", check=False)

    def type(self, text: str, *keys: str) -> None:
        """Type a line, or keys."""
        if text:
            self._run("send-keys", "-l", text)
        self._run("send-keys", *(keys or ("Enter",)))

    def wait(self, done: Callable[[str], bool], seconds: float = 120) -> None:
        """Wait until the screen shows something."""
        until = time.monotonic() + seconds
        while not done(self.text()):
            if time.monotonic() > until:
                raise SystemExit(f"it does not come:\n{self.text()}")
            time.sleep(0.2)

    def text(self, *options: str) -> str:
        """Return what the terminal shows."""
        return self._run("capture-pane", "-p", *options).stdout.rstrip()

    def _run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["tmux", "-L", self._name, *words], check=check, capture_output=True, text=True)

    def save(self, name: str, title: str) -> None:
        """Save what the terminal shows as a picture."""
        SCREENS.mkdir(exist_ok=True)
        console = Console(record=True, width=self.columns, file=io.StringIO(), force_terminal=True)
        console.print(Text.from_ansi(self.text("-e")), soft_wrap=True)
        console.save_svg(str(SCREENS / f"{name}.svg"), title=title, unique_id=name)
        print(SCREENS / f"{name}.svg")


def is_over(text: str) -> bool:
    """Tell whether the shell asks for the next command."""
    return text.endswith("\n$")


COMMAND = "snakemake --profile onsite --configfile night.yaml"


def good() -> None:
    """Record a good run, while it runs and when it has ended."""
    with project(60) as folder, Terminal(folder, lines=14, STAND_IN_SECONDS="0.5") as terminal:
        terminal.type(COMMAND)
        terminal.wait(lambda text: "left" in text and "20/60" in text)
        terminal.save("running", "a run")
        terminal.wait(is_over)
        terminal.save("good", "a good run")


def failures() -> None:
    """Record a run in which three of 300 fail."""
    with project(300, 3) as folder, Terminal(folder, lines=18, STAND_IN_SECONDS="0.03") as terminal:
        terminal.type(COMMAND)
        terminal.wait(is_over)
        terminal.save("failures", "three failures in 300")


def narrow() -> None:
    """Record a run on 60 columns."""
    with project(30, 2) as folder, Terminal(folder, columns=60, lines=18, STAND_IN_SECONDS="0.5") as terminal:
        terminal.type(COMMAND)
        terminal.wait(lambda text: "left" in text and "/30" in text)
        time.sleep(2)
        terminal.save("narrow", "60 columns")


def wrong() -> None:
    """Record a wrong set-up."""
    with (
        project(30, process_command="", inputs=".") as folder,
        Terminal(folder, lines=10, CRDS_PATH="/nowhere/crds") as terminal,
    ):
        terminal.type(COMMAND)
        terminal.wait(is_over)
        terminal.save("wrong", "a wrong set-up")


def stopped() -> None:
    """Record Ctrl-C."""
    with project(300) as folder, Terminal(folder, lines=14, STAND_IN_SECONDS="0.5") as terminal:
        terminal.type(COMMAND)
        terminal.wait(lambda text: "left" in text and "/300" in text)
        time.sleep(4)
        terminal.type("", "C-c")
        terminal.wait(is_over)
        terminal.save("stopped", "Ctrl-C")


def watch() -> None:
    """Record a watch of AWS Batch, with jobs that fail and jobs that cannot start."""
    import boto3
    from moto.server import ThreadedMotoServer
    from tests.conftest import Commands
    from tests.stand_ins.aws_batch import Batch, attempt_results
    from tests.stand_ins.aws_batch.site import Site, row, succeeded_marker

    keys = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "us-east-1"}
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    variables = keys | {"AWS_ENDPOINT_URL_S3": f"http://{host}:{port}"}

    class S3:
        def __init__(self) -> None:
            self.variables = variables
            names = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": "us-east-1"}
            self.client = boto3.client("s3", endpoint_url=variables["AWS_ENDPOINT_URL_S3"], **names)

        def make_bucket(self, name: str) -> None:
            self.client.create_bucket(Bucket=name)

    with tempfile.TemporaryDirectory() as folder, Batch(run=False) as batch:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        site = Site(Commands(Path(folder), PATH=path, HOME=folder), S3(), batch)
        kinds = ["acs"] * 40 + ["cos"] * 60 + ["wfc3"] * 24
        rows = [row(n, instrument=kind, cost_usd=0.02, memory_mib=2048) for n, kind in enumerate(kinds)]
        rows += [row(200 + n, instrument="acs", cost_usd=0.2, memory_mib=65_536) for n in range(6)]
        names = site.write([{**item, "batch": "b"} for item in rows])
        (Path(folder) / "results/b").mkdir(parents=True)
        (Path(folder) / "results/b/plan.out").write_text(site.plan.read_text())
        assert site.submit().status == 0
        batch.service.largest_host_mib = 16_000
        batch.start(indexes=range(60))
        batch.finish(attempt_results.exited(23), indexes=[3, 5, 7])
        batch.finish(attempt_results.exited(27), indexes=[9])
        for name in names[10:30]:
            marker = json.loads(succeeded_marker(name)) | {"wall_seconds": 900}
            marker["plan_row"] = {"cost_usd": 0.02, "memory_mib": 2048, "vcpus": 1}
            site.s3.client.put_object(
                Bucket="out", Key=f"b/markers/succeeded/{name}.json", Body=json.dumps(marker).encode()
            )
        known = site.commands.variables
        with Terminal(Path(folder), columns=110, lines=34, **known) as terminal:
            terminal.type("hstdputils watch s3://out/b --every 1")
            terminal.wait(lambda text: "longest running" in text)
            for name in names[30:36]:
                site.s3.client.put_object(
                    Bucket="out", Key=f"b/markers/succeeded/{name}.json", Body=succeeded_marker(name)
                )
                time.sleep(1)
            time.sleep(3)
            terminal.save("watch", "hstdputils watch")
            terminal.type("", "C-c")
            terminal.wait(is_over)
    server.stop()


RECORDINGS = {item.__name__: item for item in (good, failures, narrow, wrong, stopped, watch)}

if __name__ == "__main__":
    for chosen in sys.argv[1:] or RECORDINGS:
        RECORDINGS[chosen]()
