"""Snakemake's logger plugin of hstdputils: one live line, a line a failure and a summary, in place of its own output.

Profiles name it (``logger: hstdp``). Snakemake's own output goes to its log all the same. What is not routine is
shown as Snakemake words it, and so is everything in dry runs and with ``--verbose``, ``--printshellcmds`` or
``--debug-dag``.
"""

import logging
import sys
import threading

from snakemake_interface_logger_plugins.base import LogHandlerBase

__all__ = ["LogHandler"]


class LogHandler(LogHandlerBase):
    """Takes Snakemake's records, one after another, in a thread of Snakemake's."""

    def __post_init__(self) -> None:
        # each start of Snakemake imports this module, whether or not it is chosen
        from snakemake.logging import ColorizingTextHandler, DefaultFilter, DefaultFormatter
        from snakemake.settings.enums import Quietness

        from hstdputils.core.terminal import console
        from hstdputils.progress.run_facts import listen
        from hstdputils.progress.screen import Screen
        from snakemake_logger_plugin_hstdp.run_screen import RunScreen

        settings = self.common_settings
        self._plain: logging.Handler | None = None
        if settings.dryrun or settings.verbose or settings.debug_dag or settings.printshellcmds:
            stream = sys.stdout if settings.stdout else sys.stderr
            self._plain = ColorizingTextHandler(settings.nocolor, stream, DefaultFormatter(settings.quiet))
            self._plain.addFilter(
                DefaultFilter(settings.quiet, settings.debug_dag, settings.verbose, settings.dryrun, True)
            )
        quiet = set(settings.quiet or ())
        is_quiet = bool(quiet & {Quietness.ALL, Quietness.PROGRESS, Quietness.RULES})
        shown = console(stderr=True, no_color=True if settings.nocolor else None)
        self._screen = Screen("", shown, quiet=is_quiet)
        self._run = RunScreen(self._screen)
        self._lock = threading.RLock()
        if not self._plain:
            listen(self)

    @property
    def writes_to_stream(self) -> bool:
        """Tell Snakemake that nothing else has to write to the terminal."""
        return True

    @property
    def writes_to_file(self) -> bool:
        """Tell Snakemake that its own log is not written here."""
        return False

    @property
    def has_filter(self) -> bool:
        """Tell Snakemake that ``--quiet`` is heard here."""
        return True

    @property
    def has_formatter(self) -> bool:
        """Tell Snakemake that the lines are worded here."""
        return True

    @property
    def needs_rulegraph(self) -> bool:
        """Tell Snakemake that no graph is needed."""
        return False

    def emit(self, record: logging.LogRecord) -> None:
        """Show a record, or what follows from it."""
        try:
            with self._lock:
                if self._plain:
                    if self._plain.filter(record):
                        self._plain.emit(record)
                else:
                    self._run.take(record)
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """Print how the run has ended."""
        with self._lock:
            if not self._plain:
                self._run.end()
        super().close()
