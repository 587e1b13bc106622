"""Where the files of a batch are, for the page: links into a folder, addresses in a bucket and how to get them."""

import os
import shlex
from pathlib import Path
from urllib.parse import quote

from hstdputils.report.collect import BatchReport
from hstdputils.report.rows import ReportRow
from hstdputils.store.folder import FolderStore
from hstdputils.store.layout import LOG


class Links:
    """Links from a page to the files of a batch.

    Files of a folder store have links that are relative to the page. Files in a bucket of Amazon S3 have the address
    of AWS's console, whose user has to be logged in, or, where that is wanted, an ``https`` address that is signed
    and may be opened by everybody who has it, until it expires.

    Parameters
    ----------
    report
        The report.
    path
        The page.
    presigned_hours
        How long signed addresses hold, h; none for the console's.
    """

    def __init__(self, report: BatchReport, path: Path, presigned_hours: int | None = None) -> None:
        self._batch = report.batch
        self._folder: Path | None = None
        self._page_folder = path.parent.resolve()
        self._relative = ""
        self._presigned_seconds = 3600 * (presigned_hours or 0)
        if isinstance(store := report.batch.store, FolderStore):
            self._folder = store.root.resolve() / report.batch.name
            relative = self.to(self._folder)
            self._relative = "" if relative == "." else f"{relative}/"

    @property
    def is_folder(self) -> bool:
        """Tell whether the store is a folder."""
        return self._folder is not None

    @property
    def console(self) -> str:
        """Return how the addresses of the batch's datasets in AWS's console begin; empty where they have none."""
        if self._folder is not None:
            return ""
        return self._batch.store.https_address(self._batch.prefix)

    def to(self, path: Path) -> str:
        """Return a link from the page to a file or folder of this machine."""
        return quote(Path(os.path.relpath(path.resolve(), self._page_folder)).as_posix())

    def folder(self, row: ReportRow) -> str:
        """Return a link to a dataset's folder, or nothing where the store is not a folder."""
        return "" if self._folder is None else f"{self._relative}{quote(row.ipppssoot)}/"

    def log(self, row: ReportRow) -> str:
        """Return a link to a dataset's log, or nothing where there is none, or no way to it in a bucket."""
        if self._folder is not None:
            return f"{self.folder(row)}{LOG}" if (self._folder / row.ipppssoot / LOG).is_file() else ""
        return self._remote(self._batch.dataset_key(row.ipppssoot, LOG))

    def log_address(self, row: ReportRow) -> str:
        """Return where a dataset's log is, for a person, or nothing where a folder store has no log."""
        if self._folder is not None and not self.log(row):
            return ""
        return self._batch.store.address(self._batch.dataset_key(row.ipppssoot, LOG))

    def show_log(self, row: ReportRow) -> str:
        """Return the command that shows a dataset's log; empty where the store is a folder."""
        if self._folder is not None:
            return ""
        return shlex.join(["aws", "s3", "cp", self.log_address(row), "-"])

    def file(self, key: str) -> str:
        """Return a link to a file of the batch, or nothing where there is no way to it."""
        if self._folder is not None:
            return f"{self._relative}{quote(key.removeprefix(self._batch.prefix))}"
        return self._remote(key)

    def _remote(self, key: str) -> str:
        """Return the address of an object of a bucket in a browser, or nothing where it has none."""
        return self._batch.store.https_address(key, self._presigned_seconds)
