"""Draws the fixed mixtures of two voices of a data set folder's dev or test part."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from fqss_tf.data.folders import Speaker, scan_speakers
from fqss_tf.data.manifest import Mixture, mixture_of_two
from fqss_tf.errors import FqssError
from fqss_tf.types import FloatArray, PathLike

PEAK = 0.9
FRAME_SECONDS = 0.02
ACTIVE_RANGE_DB = 40.0


class _Place(NamedTuple):
    """Where a segment begins: in which clip, relative to the part, and at which of its samples."""

    path: str
    start: int


def active_rms(waveform: FloatArray, rate: int) -> float:
    """Measures the RMS over the 20 ms frames within 40 dB of the loudest one.

    Args:
        waveform: floats [samples].
        rate: of the waveform, Hz.
    """
    frame = round(FRAME_SECONDS * rate)
    whole = len(waveform) // frame * frame
    energy = np.mean(np.square(waveform[:whole], dtype=np.float64).reshape(-1, frame), axis=1)
    active = energy[energy >= energy.max() * 10 ** (-ACTIVE_RANGE_DB / 10)]
    return float(np.sqrt(active.mean()))


def draw_mixtures(
    root: PathLike, part: str, ranges: Mapping[str, tuple[int, float]], *, seconds: float = 4.0,
    seed: int = 0,
) -> list[Mixture]:
    """Draws mixtures of two speakers with random level differences.

    Speakers take turns, so that each is heard about equally often, and no material is used
    twice before all of a speaker's has been used once.

    Args:
        root: data set folder.
        part: of it, 'dev' or 'test'.
        ranges: {name: (count, limit in dB)}; the level difference of the mixtures
            ``<name>_00``.. is uniform within +- limit.
        seconds: length of a mixture; shorter clips are left out.
        seed: the same seed and files give the same mixtures.

    Returns:
        A list of ``Mixture``; each peaks at 0.9.

    Raises:
        FqssError: the folder is not as expected, or a speaker has no clip that is long enough.
    """
    rng = np.random.default_rng(seed)
    pairs = _SegmentPairs(root, part, seconds, rng)
    return [
        pairs.mixture(f"{name}_{number:02d}", next(pairs), rng.uniform(-limit, limit))
        for name, (count, limit) in ranges.items()
        for number in range(count)
    ]


class _SegmentPairs:
    """An endless iterator over pairs of segments of two speakers."""

    def __init__(self, root: PathLike, part: str, seconds: float, rng: np.random.Generator) -> None:
        self._folder = Path(root) / part
        self._rng = rng
        self._speakers = scan_speakers(root, part)
        rates = {clip.rate for speaker in self._speakers for clip in speaker.clips}
        if len(rates) > 1:
            raise FqssError(f"{self._folder}: clips have different rates, {sorted(rates)}")
        self._rate = rates.pop()
        self._samples = round(seconds * self._rate)
        self._segments = [self._segments_of(speaker) for speaker in self._speakers]
        self._unused: list[list[_Place]] = [[] for _ in self._speakers]
        self._turns: list[int] = []

    def __iter__(self) -> Iterator[tuple[_Place, _Place]]:
        return self

    def __next__(self) -> tuple[_Place, _Place]:
        while True:
            if len(self._turns) < 2:
                self._turns = list(self._rng.permutation(len(self._speakers)))
            first, second = self._turns.pop(), self._turns.pop()
            if self._speakers[first].group != self._speakers[second].group:
                return self._next_segment(first), self._next_segment(second)

    def mixture(
        self, mixture_id: str, pair: tuple[_Place, _Place], level_difference: float
    ) -> Mixture:
        """Mixes a pair, the first by so many dB above the second."""
        (path_1, start_1), (path_2, start_2) = pair
        level_difference = round(float(level_difference), 3)
        first, second = self._read(path_1, start_1), self._read(path_2, start_2)
        gain_1 = 10 ** (level_difference / 40) / active_rms(first, self._rate)
        gain_2 = 10 ** (-level_difference / 40) / active_rms(second, self._rate)
        scale = PEAK / np.abs(gain_1 * first + gain_2 * second).max()
        return mixture_of_two(
            mixture_id=mixture_id,
            level_difference=level_difference,
            path_1=path_1,
            start_1=start_1,
            gain_1=float(f"{gain_1 * scale:.8g}"),
            path_2=path_2,
            start_2=start_2,
            gain_2=float(f"{gain_2 * scale:.8g}"),
            samples=self._samples,
        )

    def _segments_of(self, speaker: Speaker) -> list[_Place]:
        segments = [
            _Place(Path(clip.path).relative_to(self._folder).as_posix(), start)
            for clip in speaker.clips
            for start in range(0, clip.frames - self._samples + 1, self._samples)
        ]
        segments = [segment for segment in segments if np.any(self._read(*segment))]
        if not segments:
            raise FqssError(
                f"{self._folder / speaker.name}: holds no clip of "
                f"{self._samples / self._rate:g} s that is not silent"
            )
        return segments

    def _next_segment(self, speaker: int) -> _Place:
        if not self._unused[speaker]:
            segments = self._segments[speaker]
            self._unused[speaker] = [segments[i] for i in self._rng.permutation(len(segments))]
        return self._unused[speaker].pop()

    def _read(self, path: str, start: int) -> FloatArray:
        waveform, _ = soundfile.read(str(self._folder / path), self._samples, start)
        return waveform
