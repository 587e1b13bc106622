"""Engines: where the rows of a plan run when they do not run here; one folder or file an engine."""

from hstdputils.engines.base import Cause, Engine, RowState, State, Submitted

__all__ = ["Cause", "Engine", "RowState", "State", "Submitted"]
