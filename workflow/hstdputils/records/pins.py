"""What must be the same for all datasets of a batch, so that their products are comparable."""

import json
from dataclasses import asdict, dataclass, field, replace

from hstdputils import __version__

IMAGE = "image"
"""The setting with the container image of a batch on AWS Batch; its digest settles the versions of all programs."""


@dataclass(frozen=True, slots=True)
class Pins:
    """What must be the same for all datasets of a batch."""

    crds_context: str
    """The CRDS context."""
    programs: dict[str, str]
    """Versions of the calibration programs, by name."""
    settings: dict[str, str] = field(default_factory=dict)
    """Other settings that change products, by name."""
    conditional_writes: bool | None = None
    """Whether the store refuses, where it is asked to, to write what is there already; none before it was probed."""
    probed: str = ""
    """When the store was probed, UTC, ISO 8601."""

    def differences(self, pinned: "Pins") -> list[str]:
        """Return one phrase for each thing that differs from what is pinned."""
        found = []
        if self.crds_context != pinned.crds_context:
            found.append(f"CRDS context {pinned.crds_context}, not {self.crds_context}")
        for ours, earlier in ((self.programs, pinned.programs), (self.settings, pinned.settings)):
            for name, value in ours.items():
                if earlier.get(name, value) != value:
                    found.append(f"{name} {earlier[name]}, not {value}")
        return found

    @property
    def are_settled(self) -> bool:
        """Tell whether a submission has pinned all there is: its jobs then write nothing of it, nor may they."""
        return "@sha256:" in self.settings.get(IMAGE, "")

    def __or__(self, more: "Pins") -> "Pins":
        """Return these with those of ``more`` that are new."""
        return replace(
            self,
            crds_context=self.crds_context or more.crds_context,
            programs=more.programs | self.programs,
            settings=more.settings | self.settings,
        )

    def to_json(self) -> bytes:
        """Return these as JSON, with the version that writes them."""
        values = asdict(self)
        if self.conditional_writes is None:
            del values["conditional_writes"], values["probed"]
        return (json.dumps(values | {"hstdputils": __version__}, indent=1) + "\n").encode()
