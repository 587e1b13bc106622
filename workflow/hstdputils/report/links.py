"""Where the files of a batch are, for the page: links into a folder, addresses in a bucket."""

import os
from pathlib import Path
from urllib.parse import quote

from hstdputils.report.rows import BatchReport, Row
from hstdputils.store.folder import FolderStore
from hstdputils.store.layout import LOG


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
        self._batch = report.batch
        self._folder: Path | None = None
        self._relative = ""
        if isinstance(store := report.batch.store, FolderStore):
            self._folder = store.root.resolve() / report.batch.name
            relative = Path(os.path.relpath(self._folder, path.parent.resolve())).as_posix()
            self._relative = "" if relative == "." else f"{quote(relative)}/"

    def folder(self, row: Row) -> str:
        """Return a link to a dataset's folder, or nothing where the store is not a folder."""
        return "" if self._folder is None else f"{self._relative}{quote(row.ipppssoot)}/"

    def log(self, row: Row) -> str:
        """Return a link to a dataset's log, or nothing where the store is not a folder or has no log."""
        if self._folder is None or not (self._folder / row.ipppssoot / LOG).is_file():
            return ""
        return f"{self.folder(row)}{LOG}"

    def log_address(self, row: Row) -> str:
        """Return where a dataset's log is, for a person, or nothing where a folder store has no log."""
        if self._folder is not None and not self.log(row):
            return ""
        return self._batch.store.address(self._batch.dataset_key(row.ipppssoot, LOG))

    def file(self, key: str) -> str:
        """Return a link to a file of the batch, or nothing where the store is not a folder."""
        return "" if self._folder is None else f"{self._relative}{quote(key.removeprefix(self._batch.prefix))}"

    def address(self, key: str) -> str:
        """Return where a file is, for a person."""
        return self._batch.store.address(key)
