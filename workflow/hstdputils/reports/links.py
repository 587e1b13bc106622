"""Where the files of datasets are, as seen from the page."""

import os
from pathlib import Path
from urllib.parse import quote

from hstdputils.reports.rows import BatchReport, Row
from hstdputils.store import FolderStore
from hstdputils.store.layout import LOG, batch_prefix, dataset_key


class Links:
    """Links from a page to the files of a folder store, and addresses of files of other stores.

    Parameters
    ----------
    report
        The report.
    path
        The page; links are relative to its folder.
    """

    def __init__(self, report: BatchReport, path: Path) -> None:
        self._report = report
        self._folder: Path | None = None
        self._relative = ""
        if isinstance(report.store, FolderStore):
            self._folder = report.store.root.resolve() / report.batch
            relative = Path(os.path.relpath(self._folder, path.parent.resolve())).as_posix()
            self._relative = "" if relative == "." else f"{quote(relative)}/"

    def folder(self, row: Row) -> str:
        """Return a link to a dataset's folder, or nothing where the store is no folder."""
        return "" if self._folder is None else f"{self._relative}{quote(row.ipppssoot)}/"

    def log(self, row: Row) -> str:
        """Return a link to a dataset's log, or nothing where the store is no folder or has no log."""
        if self._folder is None or not (self._folder / row.ipppssoot / LOG).is_file():
            return ""
        return f"{self.folder(row)}{LOG}"

    def log_address(self, row: Row) -> str:
        """Return where a dataset's log is, for a person, or nothing where a folder store has no log."""
        if self._folder is not None and not self.log(row):
            return ""
        return self._report.store.address(dataset_key(self._report.batch, row.ipppssoot, LOG))

    def file(self, key: str) -> str:
        """Return a link to a file of the batch, or nothing where the store is no folder."""
        return (
            ""
            if self._folder is None
            else f"{self._relative}{quote(key.removeprefix(batch_prefix(self._report.batch)))}"
        )

    def address(self, key: str) -> str:
        """Return where a file is, for a person."""
        return self._report.store.address(key)
