"""Take the pictures of the report that the docs show: pages of made-up batches, in Chromium.

    python -m tests.report.take_pictures [FOLDER]

writes PNGs of few colours, which stay small, into FOLDER (docs). The batch of 100,000 takes some minutes to make up.
"""

import contextlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from hstdputils.model.prices import Prices
from hstdputils.records.batch import Batch
from hstdputils.records.plan_rows import read_plan
from hstdputils.report.collect import collect
from hstdputils.report.page import PageOptions, write_page
from hstdputils.store.folder import FolderStore
from tests.report.made_up_batch import BATCH, write_batch

ROOT = Path(__file__).resolve().parents[2]
FLAGS = (
    "--headless --no-sandbox --disable-gpu --hide-scrollbars --no-first-run --disable-sync "
    "--disable-background-networking --disable-component-update"
)
DARK = "--blink-settings=preferredColorScheme=0"
COLOURS = 160


def main() -> None:
    """Take them all."""
    docs = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "docs").resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        page = _page(folder / "4", 4, failing=0.3, seed=4)
        _take(page, docs / "report.png", 1280, 1400)
        page = _page(folder / "3", 3)
        _take(page, docs / "report-3.png", 1280, 1250)
        page = _page(folder / "300", 300)
        _take(page, docs / "report-300-dark.png", 1280, 1500, DARK)
        page = _page(folder / "10000", 10_000, hosts=20)
        _take(page, docs / "report-10000.png", 1280, 1500)
        page = _page(folder / "100000", 100_000, hosts=200)
        _take(page, docs / "report-100000-narrow.png", 400, 2000)


def _page(folder: Path, n: int, **options: float) -> Path:
    """Make up a batch of so many datasets, and return its page."""
    folder.mkdir()
    with contextlib.chdir(folder):
        plan = write_batch(Path(), n, **options)
        report = collect(Batch(FolderStore("store"), BATCH), read_plan(plan), Prices.load())
        write_page(report, Path("page.html"), PageOptions(f"hstdputils report store/{BATCH}"))
    return folder / "page.html"


def _take(page: Path, picture: Path, width: int, height: int, *more: str) -> None:
    """Take a picture of the top of a page.

    Chromium has no window narrower than 500 pixels: a narrower page is in a frame.
    """
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        sys.exit("no Chromium on PATH: install chromium")
    frame = page.with_name("frame.html")
    size = f'width="{width}" height="{height}"'
    frame.write_text(f'<body style="margin:0"><iframe src="{page.name}" {size} style="border:0"></iframe>')
    argv = [browser, *FLAGS.split(), *more, f"--user-data-dir={page.parent / 'browser'}"]
    argv += [f"--window-size={max(width, 500)},{height}", f"--screenshot={picture}", frame.as_uri()]
    subprocess.run(argv, check=True, capture_output=True, timeout=300)
    with Image.open(picture) as image:
        small = image.convert("RGB").crop((0, 0, width, height))
    small.quantize(COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(picture, optimize=True)
    print(f"{picture.name}: {picture.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main()
