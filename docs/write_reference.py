"""Write what is generated from the code: config/config.schema.json and the table of keys in config/README.md."""

from pathlib import Path

from hstdputils.config import reference_table, schema_text

ROOT = Path(__file__).resolve().parents[1]
BEGIN = "<!-- keys: written by docs/write_reference.py -->\n"
END = "<!-- keys end -->"


def generated() -> dict[Path, str]:
    """Return the text of each generated file, by path."""
    readme = ROOT / "config" / "README.md"
    before, _, rest = readme.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    return {
        ROOT / "config" / "config.schema.json": schema_text(),
        readme: f"{before}{BEGIN}\n{reference_table()}\n{END}{after}",
    }


if __name__ == "__main__":
    for path, text in generated().items():
        path.write_text(text)
        print(path.relative_to(ROOT))
