"""What to mix: every batch is planned from (seed, batch number) alone, before any audio is read."""

from dataclasses import dataclass

import numpy as np

NARROW_LEVEL_DIFFERENCE_DB = 5.0
# A source that turns out silent is replaced by the next of these attempts.
ATTEMPTS = 3


@dataclass(frozen=True)
class BatchPlan:
    """The clips of one batch, flat, so that it fits into tensors.

    Row ``r = (item * 2 + source) * ATTEMPTS + attempt`` is the joined pieces
    ``row_splits[r]:row_splits[r + 1]``; each piece is ``samples`` long at the training rate and
    begins ``start`` seconds into clip number ``clip``. ``level_difference`` [batch] is in dB,
    source 1 over source 2.
    """

    clip: np.ndarray
    start: np.ndarray
    samples: np.ndarray
    row_splits: np.ndarray
    level_difference: np.ndarray
    speakers: np.ndarray


class MixturePlan:
    """Draws batches of two-speaker mixtures.

    Speakers are drawn in proportion to the square root of their material, so that a long
    audio book does not crowd out everyone else and a few seconds are not repeated endlessly.
    Clips of a speaker are drawn in proportion to their length.
    """

    def __init__(
        self, speakers, *, sample_rate, segment_samples, batch_size, max_level_difference_db, seed,
        wide_fraction,
    ):
        self._segment_samples = segment_samples
        self._sample_rate = sample_rate
        self._batch_size = batch_size
        self._max_level_difference_db = max_level_difference_db
        self._wide_fraction = wide_fraction
        self._seed = seed
        self.clips = [clip for speaker in speakers for clip in speaker.clips]
        counts = np.array([len(speaker.clips) for speaker in speakers])
        self._first_clip = np.concatenate([[0], np.cumsum(counts)])
        self._clip_seconds = np.array([clip.seconds for clip in self.clips])
        self._cumulative_seconds = np.concatenate([[0.0], np.cumsum(self._clip_seconds)])
        totals = self._cumulative_seconds[self._first_clip]
        self._weights = np.sqrt(np.diff(totals))
        groups = {group: i for i, group in enumerate(sorted({s.group for s in speakers}))}
        self._group = np.array([groups[speaker.group] for speaker in speakers])

    def batch(self, number):
        """Plans batch ``number`` (0, 1, ..): the same for the same seed, whatever came before."""
        rng = np.random.default_rng([self._seed, int(number)])
        clips, starts, samples, splits, levels, speakers = [], [], [], [0], [], []
        for _ in range(self._batch_size):
            pair = self._draw_speakers(rng)
            levels.append(self._draw_level_difference(rng))
            speakers.append(pair)
            for speaker in pair:
                for _ in range(ATTEMPTS):
                    for clip, start, length in self._draw_pieces(rng, speaker):
                        clips.append(clip)
                        starts.append(start)
                        samples.append(length)
                    splits.append(len(clips))
        return BatchPlan(
            clip=np.array(clips, np.int32),
            start=np.array(starts, np.float64),
            samples=np.array(samples, np.int32),
            row_splits=np.array(splits, np.int32),
            level_difference=np.array(levels, np.float32),
            speakers=np.array(speakers, np.int32),
        )

    def _draw_speakers(self, rng):
        first = _draw(rng, np.cumsum(self._weights))
        others = np.where(self._group == self._group[first], 0.0, self._weights)
        return first, _draw(rng, np.cumsum(others))

    def _draw_level_difference(self, rng):
        wide = rng.random() < self._wide_fraction
        limit = self._max_level_difference_db
        if not wide:
            limit = min(limit, NARROW_LEVEL_DIFFERENCE_DB)
        return rng.uniform(-limit, limit)

    def _draw_pieces(self, rng, speaker):
        low, high = self._first_clip[speaker], self._first_clip[speaker + 1]
        boundaries = self._cumulative_seconds[low : high + 1] - self._cumulative_seconds[low]
        needed = self._segment_samples
        used = set()
        pieces = []
        while needed > 0:
            clip = low + _draw(rng, boundaries[1:])
            if clip in used and len(used) < high - low:
                continue
            used.add(clip)
            available = max(1, int(self._clip_seconds[clip] * self._sample_rate))
            length = min(needed, available)
            start = rng.uniform(0, available - length) / self._sample_rate
            pieces.append((clip, start, length))
            needed -= length
        return pieces


def _draw(rng, cumulative_weights):
    """An index drawn in proportion to the steps of ``cumulative_weights``, none of zero width."""
    point = rng.random() * cumulative_weights[-1]
    return int(np.searchsorted(cumulative_weights, point, side="right"))
