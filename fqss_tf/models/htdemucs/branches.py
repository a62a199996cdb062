"""The two U-Nets of HTDemucs: what their layers are called, and along which axis they go.

Both are ``[B, H, T, C]``: H are frequencies and T frames, or H is 1 and T are samples. So a layer
of one is that of the other with its kernel along another axis.
"""

from dataclasses import dataclass

from fqss_tf.models.htdemucs.sizes import KERNEL, STRIDE
from fqss_tf.models.network import SPLITTERS

EDGE = (KERNEL - STRIDE) // 2
TAPS = 3  # of a convolution that makes the phases of a transposed one
COMPLEX = 2  # numbers of a bin: real and imaginary part


@dataclass(frozen=True)
class Branch:
    """One of the two U-Nets.

    ``name``: its layers begin with it. ``heard`` and ``given``: what its input and its output
    planes are called. ``splitter``: the layer that makes input planes. ``along_rows``: its kernels
    go along H and not along T. ``numbers``: of a sample or a bin.
    """

    name: str
    heard: str
    splitter: str
    given: str
    along_rows: bool
    numbers: int

    def along(self, size: int, other: int = 1) -> tuple[int, int]:
        """A kernel, a stride or an edge of this size along the axis, and of another across it."""
        return (size, other) if self.along_rows else (other, size)

    def edges(self, size: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """So many at both ends of the axis."""
        first, second = self.along(size, 0)
        return (first, first), (second, second)


FREQUENCY, TIME = BRANCHES = (
    Branch("frequency", "spectrogram", SPLITTERS[1], "spectra", True, COMPLEX),
    Branch("time", "mixture", SPLITTERS[0], "stage", False, 1),
)
