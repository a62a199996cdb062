"""Fixed mixtures: which pieces of which files are the sources, and what their mixture is."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, overload

import numpy as np
import soundfile

from fqss_tf.audio.reader import read_span
from fqss_tf.data.clips import MENDED, Clip
from fqss_tf.errors import FqssError
from fqss_tf.types import FloatArray, PathLike, Sources, Waveform

Entry = TypeVar("Entry")
Item = TypeVar("Item")


@dataclass(frozen=True)
class Piece:
    """``samples`` of a file from sample ``start``, both at the file's rate, times ``gain``."""

    clip: Clip
    start: int
    samples: int
    gain: float = 1.0

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.samples / self.clip.rate

    def read(self, keep_channels: bool = False) -> Waveform:
        """Reads float32 [samples], channels averaged; or [samples, channels], if they are kept.

        Raises:
            FqssError: the file cannot be decoded there.
        """
        if self.clip.sample_type == MENDED:
            waveform = read_span(self.clip.path, self.start, self.samples, keep_channels)
            return (self.gain * waveform).astype(np.float32)
        try:
            frames, _ = soundfile.read(
                self.clip.path, self.samples, self.start, dtype="float64", always_2d=True
            )
        except (soundfile.LibsndfileError, OSError) as error:
            raise FqssError(damaged(self.clip.path)) from error
        if len(frames) != self.samples:
            raise FqssError(damaged(self.clip.path))
        heard = frames if keep_channels else frames.mean(axis=1)
        return (self.gain * heard).astype(np.float32)


@dataclass(frozen=True)
class FixedMixture:
    """Aligned sources of one length and rate.

    ``noise`` is a Piece or None. ``mixture`` is the Piece of the mixture where the data set has it
    as a file; None stands for the sum of sources and noise. ``labels`` name the sources: speakers
    or stems.
    """

    mixture_id: str
    sources: tuple[Piece, ...]
    labels: tuple[str, ...]
    noise: Piece | None = None
    mixture: Piece | None = None

    @property
    def samples(self) -> int:
        """Length at the rate of the files."""
        return self.sources[0].samples

    @property
    def rate(self) -> int:
        """Sample rate of the files, Hz."""
        return self.sources[0].clip.rate

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.samples / self.rate

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """Every Piece: of the sources, then of the noise and the mixture where there are any."""
        return (*self.sources, *(piece for piece in (self.noise, self.mixture) if piece))

    def excerpt(self, seconds: float) -> "FixedMixture":
        """Returns the middle ``seconds`` of a longer mixture; a shorter one as it is."""
        samples = round(seconds * self.rate)
        if samples >= self.samples:
            return self
        first = (self.samples - samples) // 2

        def cut(piece: Piece) -> Piece:
            return dataclasses.replace(piece, start=piece.start + first, samples=samples)

        return dataclasses.replace(
            self, sources=tuple(map(cut, self.sources)), noise=self.noise and cut(self.noise),
            mixture=self.mixture and cut(self.mixture),
        )

    def load(self, keep_channels: bool = False) -> tuple[Waveform, Sources]:
        """Reads it.

        Args:
            keep_channels: do not average them.

        Returns:
            (mixture float32 [samples], sources float32 [S, samples]); with ``keep_channels``
            [samples, channels] and [S, samples, channels].

        Raises:
            FqssError: naming the file that cannot be decoded, or has another number of channels.
        """
        if keep_channels:
            self._check_channels()
        sources = np.stack([source.read(keep_channels) for source in self.sources])
        if self.mixture is not None:
            return self.mixture.read(keep_channels), sources
        mixture = sources.sum(axis=0)
        if self.noise is not None:
            mixture = mixture + self.noise.read(keep_channels)
        return mixture, sources

    def _check_channels(self) -> None:
        first = self.sources[0].clip
        for piece in self.pieces:
            if piece.clip.channels != first.channels:
                raise FqssError(
                    f"{piece.clip.path} has {piece.clip.channels} channels and {first.path} has "
                    f"{first.channels}: give the same number to all files of a mixture"
                )


class Loadable(Protocol):
    """Whatever reads a mixture and its sources, as a ``FixedMixture`` does."""

    def load(self) -> tuple[Waveform, Sources]:
        """Reads (mixture float32 [samples], sources float32 [S, samples])."""


class ReadWhenUsed(Sequence[Item], Generic[Entry, Item]):
    """What ``read`` makes of each entry, at each use: a set may be larger than the memory.

    A slice is another one of these.
    """

    def __init__(self, entries: Sequence[Entry], read: Callable[[Entry], Item]) -> None:
        self._entries = entries
        self._read = read

    def __len__(self) -> int:
        return len(self._entries)

    @overload
    def __getitem__(self, index: int) -> Item: ...

    @overload
    def __getitem__(self, index: slice) -> "ReadWhenUsed[Entry, Item]": ...

    def __getitem__(self, index: int | slice) -> "Item | ReadWhenUsed[Entry, Item]":
        if isinstance(index, slice):
            return ReadWhenUsed(self._entries[index], self._read)
        return self._read(self._entries[index])


def damaged(path: PathLike) -> str:
    """Returns the line for a file whose header is good and whose samples cannot be had."""
    return f"{path}: is damaged or cut short, its samples cannot be decoded; replace or remove it"


def level_difference_db(sources: FloatArray) -> float:
    """Measures the RMS of the first source over that of the loudest other, in dB.

    It is 0 for one source, or where a source is silent.
    """
    energies = np.square(sources, dtype=np.float64).reshape(len(sources), -1).mean(axis=1)
    levels = np.sqrt(energies)
    if len(levels) < 2 or not levels.all():
        return 0.0
    return float(20 * np.log10(levels[0] / levels[1:].max()))
