"""The detectors of ACS: their sizes, their overscan and how they answer to light."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Detector:
    """A detector of ACS, as far as the made-up references and exposures need it."""

    name: str
    chips: tuple[int, ...]
    """Numbers of the chips, in the order of their extensions."""
    shape: tuple[int, int]
    """Rows and columns of a chip that see light."""
    overscan: int
    """Columns at each side of a chip that see no light."""
    virtual: int
    """Rows that are read after the last of a chip, and see no light."""
    gain: float = 1.0
    """Electrons per count."""
    read_noise: float = 0.0
    """Electrons."""
    dark: float = 0.0
    """Electrons per second and pixel."""
    flat: float = 1.0
    """Response of all pixels."""
    phot_flam: float = 1.0e-18
    """Flux density, in erg/cm2/Angstrom, that gives an electron."""

    @property
    def raw_shape(self) -> tuple[int, int]:
        """Return rows and columns of a chip's raw image."""
        rows, columns = self.shape
        return rows + self.virtual, columns + 2 * self.overscan


HRC = Detector(
    "HRC", (1,), (1024, 1024), overscan=19, virtual=20, gain=2.2, read_noise=4.7, dark=0.04,
    flat=0.9, phot_flam=1.3e-18,
)  # fmt: skip
WFC = Detector(
    "WFC", (2, 1), (2048, 4096), overscan=24, virtual=20, gain=2.0, read_noise=4.0, dark=0.03,
    flat=0.9, phot_flam=7.8e-20,
)  # fmt: skip
SBC = Detector("SBC", (1,), (1024, 1024), overscan=0, virtual=0, flat=0.9, phot_flam=2.0e-17)
