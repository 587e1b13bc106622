"""A folder that looks like the project's root, from which workflows run as a user starts them."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.conftest import Commands, MadeUp, Ran


@dataclass
class Project:
    """A folder with the project's workflow, and a configuration for one batch of made-up data."""

    folder: Path
    commands: "Commands"
    made_up: "MadeUp"
    config: dict[str, object] = field(default_factory=dict)

    def set_ids(self, *ids: str) -> None:
        """Write the id list."""
        (self.folder / "my.ids").write_text("".join(f"{name}\n" for name in ids))

    def snakemake(self, *arguments: str, **variables: str) -> "Ran":
        """Run Snakemake with the configuration."""
        (self.folder / "my.json").write_text(json.dumps(self.config))
        return self.commands.run_warm("snakemake", *arguments, "--configfile", "my.json", **variables)

    def marker(self, ipppssoot: str, kind: str = "succeeded") -> dict[str, object] | None:
        """Return a marker, or none where there is no such one."""
        return self.marker_of(str(self.config["batch"]), ipppssoot, kind)

    def marker_of(self, batch: str, ipppssoot: str, kind: str = "succeeded") -> dict[str, object] | None:
        """Return a marker of any batch, or none where there is no such one."""
        path = self.folder / "results" / batch / "markers" / kind / f"{ipppssoot}.json"
        return json.loads(path.read_text()) if path.exists() else None
