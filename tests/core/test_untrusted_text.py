"""Text that others wrote: shown by terminals, never obeyed; and what data may set for programs."""

import io
import sys

import pytest

from hstdputils.core import command_line
from hstdputils.core.errors import UserError
from hstdputils.core.terminal import console, visible
from hstdputils.engines.htcondor.description import check_lines
from hstdputils.supervision.program_environment import environment_of_programs, variables_of_file

STEERING = {
    "an escape": ("\x1b[2J", r"\x1b[2J"),
    "a bell": ("\x07", r"\x07"),
    "a carriage return": ("all is well\rrm", r"all is well\rrm"),
    "a backspace": ("a\x08", r"a\x08"),
    "one of eight bits": ("\x9b2J", r"\x9b2J"),
    "a text from right to left": ("\u202efdp", r"\u202efdp"),
    "a character of no width": ("a\u200bb", r"a\u200bb"),
    "half a character": ("\udc9b", r"\udc9b"),
    "a tag": ("\U000e0041", r"\U000e0041"),
    "another line": ("\u2028", r"\u2028"),
}


@pytest.mark.parametrize(("text", "shown"), STEERING.values(), ids=STEERING)
def test_what_steers_a_terminal_is_shown(text, shown, capsys):
    assert visible(text) == shown

    def command(arguments):
        print(text)
        console().print(text)
        raise UserError(text)

    command_line.run(command, [])
    printed = capsys.readouterr()
    assert shown in printed.out
    assert printed.err == f"error: {shown}\n"
    assert text not in printed.out + printed.err


def test_what_people_write_stays():
    text = "Å, µm, 10″, 日本語, café, naïve\tand a line\nbelow: 100 %"
    assert visible(text) == text


def test_colours_are_obeyed(monkeypatch):
    out = io.StringIO()
    out.isatty = lambda: True
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    console().print("ok\x1b[2J", style="green")
    assert out.getvalue().startswith("\x1b[32mok")
    assert r"\x1b[2J" in out.getvalue()


@pytest.mark.parametrize(
    "line",
    [
        "a = 1\nexecutable = /bin/sh",
        "a = 1\rqueue 100",
        "a = 1\\",
        "a = 1\\  ",
        "a = 1\x0bqueue",
        "a = 1\u2028queue",
        "executable = /bin/sh",
        "+executable : x",
        " Arguments = x",
        "include : /etc/passwd",
        "queue",
        "if true",
        "",
    ],
)
def test_further_lines_of_htcondor_are_single_ones(line):
    with pytest.raises(UserError, match="--line"):
        check_lines([line])
    check_lines(["accounting_group = hst", "+WantGlidein = true", 'My.Site = "STScI"'])


REFUSED = (
    *("PATH", "LD_PRELOAD", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONSTARTUP", "BASH_ENV", "ENV", "IFS", "HOME"),
    *("SHELL", "jref", "oref", "CRDS_PATH", "CRDS_SERVER_URL", "AWS_ACCESS_KEY_ID", "http_proxy", "OMP_NUM_THREADS"),
    *("ASTROMETRY_SERVICE_URL", "ASTROMETRIC_CATALOG_URL", "SINGULARITY_BIND", "svm_x", "DYLD_INSERT_LIBRARIES"),
)


def test_data_set_switches_alone(tmp_path):
    path = tmp_path / "ldem01acq_cal_env.txt"
    lines = [*(f"{name}=x" for name in REFUSED), "SVM_CATALOG_HRC = off", "ASTROMETRY_APPLY_APRIORI=on", "HAPX=1"]
    lines += ["SVM_BELL=\x07", f"SVM_LONG={'x' * 5000}", "=x", "SVM_X Y=1", "# a comment", ""]
    path.write_text("\n".join(lines))
    variables, warnings = variables_of_file(path, also=["*"])
    mine = {"SVM_CATALOG_HRC": "off", "ASTROMETRY_APPLY_APRIORI": "on", "HAPX": "1"}
    others = dict.fromkeys(("AWS_ACCESS_KEY_ID", "http_proxy", "OMP_NUM_THREADS", "svm_x"), "x")
    assert variables == mine | others, "a site may let data set all but what says what runs"
    variables, warnings = variables_of_file(path)
    assert sorted(variables) == ["ASTROMETRY_APPLY_APRIORI", "HAPX", "SVM_CATALOG_HRC"]
    assert len(warnings) == len(lines) - 3 - 1
    assert all(warning.isprintable() and len(warning) < 200 for warning in warnings)


def test_programs_get_what_is_listed(tmp_path):
    here = {
        "PATH": "/bin::.:bin:/usr/bin",
        "PYTHONPATH": "",
        "LD_LIBRARY_PATH": ":/opt/lib",
        "LC_ALL": "C",
        "AWS_PROFILE": "me",
        "GITHUB_TOKEN": "x",
        "HTTPS_PROXY": "http://me:pw@proxy:1",
        "HTTP_PROXY": "http://proxy:1",
        "APPTAINER_DOCKER_PASSWORD": "x",
        "APPTAINER_BIND": "/data",
        "SITE_KEY": "x",
        "SITE_FLAVOUR": "vanilla",
        "HOME": "/home/me",
    }
    found = environment_of_programs({"jref": "/refs/"}, tmp_path, also=["SITE_*"], source=here)
    assert found == {
        "PATH": "/bin:/usr/bin",
        "LD_LIBRARY_PATH": "/opt/lib",
        "LC_ALL": "C",
        "HTTP_PROXY": "http://proxy:1",
        "APPTAINER_BIND": "/data",
        "SITE_FLAVOUR": "vanilla",
        "HOME": str(tmp_path),
        "PYTHONSAFEPATH": "1",
        "PYTHONNOUSERSITE": "1",
        "jref": "/refs/",
    }
