"""Bad input: what a plan rests on, and plans that are shown or changed."""

from tests.bad_input.kinds import Kind, Place, check, each_of, plan
from tests.bad_input.setups import file

COLUMNS = "ipst,n_files,total_mb,drizcorr,pctecorr,crsplit,subarray,detector,dtype,instr"
ROW = '{"output": "none", "batch": "b", "ipppssoot": "ldem01acq", "instrument": "cos"}\n'

KINDS = [
    plan("missing features", "none b ldem01acq --features f.csv", "f.csv (No such file…): correct --features"),
    plan("a folder as features", "none b ldem01acq --features .", "features . (Is a directory): correct --features"),
    plan(
        "features without a column",
        "none b ldem01acq --features f.csv",
        "f.csv: the column 'instr' is missing: the columns are ipst,",
        file("f.csv", f"{COLUMNS.removesuffix(',instr')}\n"),
    ),
    plan(
        "features with a word",
        "none b ldem01acq --features f.csv",
        "f.csv:2: 'many' is not a number: correct it",
        file("f.csv", f"{COLUMNS}\nldem01acq,many,1,0,0,0,0,0,0,1\n"),
    ),
    plan(
        "binary features",
        "none b ldem01acq --features f.csv",
        "f.csv is not a CSV table…: write it as text",
        file("f.csv", bytes(range(256))),
    ),
    plan("a missing history", "none b ldem01acq --history h.sqlite", "no history h.sqlite: make it with"),
    plan(
        "a history that is none",
        "none b ldem01acq --history h.sqlite",
        "h.sqlite…: name another file with --history",
        file("h.sqlite", "no database, but a text that is long enough to be read as one"),
    ),
    plan("a missing model", "none b ldem01acq --model m.json", "cannot read the model m.json…--model"),
    plan("no model", "none b ldem01acq --model m.json", "m.json is not a fitted model", file("m.json", "[]")),
    plan("a grid of nothing", "none b ldem01acq --grid-mib 0", "--grid-mib: '0' is not a whole number above 0"),
    plan("missing prices", "none b ldem01acq --prices p.json", "cannot read the price table p.json"),
    plan("an unknown region", "none b ldem01acq --region us-esat-1", "'us-esat-1'…did you mean 'us-east-1'?"),
    Kind(
        "a source of headers that is none",
        lambda place: None,
        "hstdputils plan none b ldem01acq --inputs nowhere",
        21,
        "the input folder nowhere is not there: correct --inputs",
    ),
    plan("an unknown source of headers", "none b ldem01acq --inputs ftp://x", "'ftp://x' is not a source of inputs"),
    plan("a missing plan to show", "show plan.out", "cannot read the plan plan.out (No such file"),
    plan("an empty plan to show", "show plan.out", "the plan plan.out is empty", file("plan.out", "")),
    plan("half a row to show", "show plan.out", "plan.out:1: no plan row", file("plan.out", ROW)),
    plan("half a row to change", "--set vcpus=2 plan.out", "plan.out:1: no plan row", file("plan.out", ROW)),
    plan("no plan to change", "edit vcpus=2", "which plan? Name its file"),
    plan("an unknown column to change", "--set cpus=2 plan.out", "no column 'cpus'…; did you mean 'vcpus'?"),
]


@each_of(KINDS)
def test_bad_input(kind: Kind, place: Place):
    check(kind, place)
