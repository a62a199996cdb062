"""What to mix: every batch is planned from (seed, batch number) alone, before any audio is read."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fqss_tf.data.clips import Clip
from fqss_tf.data.folders import Speaker
from fqss_tf.data.mixtures import FixedMixture, Piece
from fqss_tf.errors import FqssError
from fqss_tf.types import FloatArray, IntArray

if TYPE_CHECKING:
    from fqss_tf.config import DataRecipe

NARROW_LEVEL_DIFFERENCE_DB = 5.0
# A mixture with a source that turns out silent or broken is replaced by the next of these.
ATTEMPTS = 3
SPEEDS_PERCENT = (95, 100, 105)
# Further sounds of a source lie below its first one by up to so much.
LAYER_RANGE_DB = 15.0
# Least and largest magnitude that a clipped mixture keeps of its peak.
CLIP_LEVELS = (0.2, 0.8)
# Sets a number of its own apart from the batch numbers, which begin at 0.
_SHUFFLE = 2**32


@dataclass(frozen=True)
class TrainingSources:
    """What training mixtures are made of.

    ``speakers``: to draw sources from, of different groups. ``mixtures``: fixed ones, of which the
    sources of ``stems`` are also drawn one by one, each in its place. ``noises``: clips.
    ``group_counts``: of named sources, so many of the speakers belong to each, in order; empty
    where a speaker may take any place.
    """

    speakers: tuple[Speaker, ...] = ()
    mixtures: tuple[FixedMixture, ...] = ()
    noises: tuple[Clip, ...] = ()
    stems: bool = False
    group_counts: tuple[int, ...] = ()


@dataclass(frozen=True)
class BatchPlan:
    """The pieces of one batch, flat, so that they fit into tensors.

    Row ``r = (item * ATTEMPTS + attempt) * rows + row`` is the joined pieces
    ``row_splits[r]:row_splits[r + 1]`` times ``gain[r]`` (linear), played at ``speed[r]`` per cent;
    each piece is ``samples`` long at the training rate and begins ``start`` seconds into clip
    number ``clip``. ``MixturePlan.places`` says which source a row belongs to. The row behind the
    sources is the noise, without pieces where there is none.

    ``levelled`` [batch] says that the RMS of the sources is to be ``level`` [batch, sources] dB.
    ``noise_snr`` [batch] is the RMS of the sum of the sources over the noise in dB, NaN for a
    noise that keeps its level. ``peak`` [batch] is what the mixture is scaled to.
    ``room`` [batch, places] is the number of the response that each source or noise is convolved
    with, -1 for none. ``telephone`` [batch]: whether the mixture has the band of a telephone.
    ``clip_level`` [batch] is where its samples are clipped, its peak being 1.
    ``speakers`` [batch, sources] are those of the first attempt, -1 in fixed mixtures.
    """

    clip: NDArray[np.int32]
    start: NDArray[np.float64]
    samples: NDArray[np.int32]
    row_splits: NDArray[np.int32]
    gain: NDArray[np.float32]
    speed: NDArray[np.int32]
    levelled: NDArray[np.bool_]
    level: NDArray[np.float32]
    noise_snr: NDArray[np.float32]
    peak: NDArray[np.float32]
    room: NDArray[np.int32]
    telephone: NDArray[np.bool_]
    clip_level: NDArray[np.float32]
    speakers: NDArray[np.int32]


class _Part(NamedTuple):
    """``samples`` at the training rate, from ``start`` seconds into clip number ``clip`` on."""

    clip: int
    start: float
    samples: int


class _Row(NamedTuple):
    """Parts that are joined, their linear gain and their speed in per cent."""

    parts: list[_Part]
    gain: float
    speed: int


NO_ROW = _Row([], 1.0, 100)
# The rows of an attempt, and the numbers of its speakers.
_Drawn: TypeAlias = tuple[list[_Row], list[int]]


@dataclass
class _Item:
    """One mixture of a batch; everything as in ``BatchPlan``."""

    levelled: bool
    level: FloatArray
    peak: float
    speakers: list[int]
    attempts: list[list[_Row]]
    room: list[int]
    noise_snr: float = np.nan
    telephone: bool = False
    clip_level: float = 1.0


class MixturePlan:
    """Draws batches of mixtures.

    Speakers are drawn in proportion to the square root of their material, so that a long audio book
    does not crowd out everyone else and a few seconds are not repeated endlessly. Clips of a
    speaker, and tracks to take stems from, are drawn in proportion to their length. Fixed mixtures
    take turns in an order shuffled anew in each epoch.

    Args:
        material: a ``TrainingSources``.
        data: a ``DataRecipe``, for its options of mixing.
        sources: of each mixture.
        segment_samples: length of a mixture at ``data.sample_rate``.
        batch_size: mixtures per batch.
        seed: of everything that is drawn.
        rooms: number of room responses there are.

    Raises:
        FqssError: ``data.dynamic_fraction`` asks for mixtures that the material has not, or there
            is one source and no noise.
    """

    def __init__(
        self, material: TrainingSources, data: "DataRecipe", *, sources: int, segment_samples: int,
        batch_size: int, seed: int, rooms: int = 0,
    ) -> None:
        self._check(material, data, sources)
        self._data = data
        self._sources = sources
        self._segment_samples = segment_samples
        self._batch_size = batch_size
        self._seed = seed
        self._rooms = rooms
        self._material = material
        self.clips = [clip for speaker in material.speakers for clip in speaker.clips]
        counts = np.array([len(speaker.clips) for speaker in material.speakers], int)
        self._first_clip = np.concatenate([[0], np.cumsum(counts)]).astype(int)
        seconds = np.array([clip.seconds for clip in self.clips])
        self._cumulative_seconds = np.concatenate([[0.0], np.cumsum(seconds)])
        self._weights = np.sqrt(np.diff(self._cumulative_seconds[self._first_clip]))
        groups = {g: i for i, g in enumerate(sorted({s.group for s in material.speakers}))}
        self._group = np.array([groups[speaker.group] for speaker in material.speakers])
        self._numbers: dict[str, int] = {}
        for mixture in material.mixtures:
            for piece in (*mixture.sources, *((mixture.noise,) if mixture.noise else ())):
                self._number(piece.clip)
        for clip in material.noises:
            self._number(clip)
        self._track_seconds = np.cumsum([mixture.seconds for mixture in material.mixtures])
        self._order: tuple[int, IntArray] = (-1, np.empty(0, int))  # of no epoch yet
        self.has_noise = bool(material.noises) or any(m.noise for m in material.mixtures)
        self._layers = [1] * sources
        if material.group_counts:
            self._layers = [
                data.most_layers if name in data.layered_sources else 1 for name in data.sources
            ]
        self._first_group = np.cumsum([0, *material.group_counts])
        # The source of each row, or behind them the noise.
        self.places = [
            *(source for source, layers in enumerate(self._layers) for _ in range(layers)),
            *([sources] if self.has_noise else []),
        ]
        self.rows = len(self.places)
        self.is_layered = self.rows > sources + self.has_noise

    def batch(self, number: int | np.int64) -> BatchPlan:
        """Plans batch ``number`` (0, 1, ..): the same for the same seed, whatever came before."""
        number = int(number)
        rng = np.random.default_rng([self._seed, number])
        items = [
            self._item(rng, number * self._batch_size + item) for item in range(self._batch_size)
        ]
        rows = [row for item in items for attempt in item.attempts for row in attempt]
        parts = [part for row in rows for part in row.parts]
        clip, start, samples = zip(*parts, strict=True)
        return BatchPlan(
            clip=np.array(clip, np.int32),
            start=np.array(start, np.float64),
            samples=np.array(samples, np.int32),
            row_splits=np.cumsum([0, *(len(row.parts) for row in rows)]).astype(np.int32),
            gain=np.array([row.gain for row in rows], np.float32),
            speed=np.array([row.speed for row in rows], np.int32),
            levelled=np.array([item.levelled for item in items]),
            level=np.array([item.level for item in items], np.float32),
            noise_snr=np.array([item.noise_snr for item in items], np.float32),
            peak=np.array([item.peak for item in items], np.float32),
            room=np.array([item.room for item in items], np.int32),
            telephone=np.array([item.telephone for item in items]),
            clip_level=np.array([item.clip_level for item in items], np.float32),
            speakers=np.array([item.speakers for item in items], np.int32),
        )

    def _check(self, material: TrainingSources, data: "DataRecipe", sources: int) -> None:
        can_be_drawn = material.speakers or material.stems
        if data.dynamic_fraction > 0 and not can_be_drawn:
            raise FqssError(
                "data.datasets hold no sources to mix anew; set data.dynamic_fraction=0"
            )
        if data.dynamic_fraction < 1 and not material.mixtures:
            raise FqssError(
                "data.datasets hold no fixed mixtures to train on; set data.dynamic_fraction=1"
            )
        fixed = [*material.mixtures] if data.dynamic_fraction < 1 else []
        if sources == 1 and not material.noises and not (fixed and all(m.noise for m in fixed)):
            raise FqssError(
                "model.sources is 1, and one source alone is no mixture: name folders of noise in "
                "data.noise_datasets"
            )
        if data.noise_fraction > 0 and not material.noises:
            raise FqssError("data.noise_fraction needs noise; name folders in data.noise_datasets")

    def _number(self, clip: Clip) -> int:
        if clip.path not in self._numbers:
            self._numbers[clip.path] = len(self.clips)
            self.clips.append(clip)
        return self._numbers[clip.path]

    def _item(self, rng: np.random.Generator, index: int) -> _Item:
        data = self._data
        is_dynamic = rng.random() < data.dynamic_fraction
        draw: Callable[[np.random.Generator, int | None], _Drawn] = self._draw_fixed
        if is_dynamic:
            draw = self._draw_speech
            if self._material.stems:
                draw = self._draw_stems
            elif self._material.group_counts:
                draw = self._draw_named
        drawn = [draw(rng, index if attempt == 0 else None) for attempt in range(ATTEMPTS)]
        item = _Item(
            levelled=is_dynamic and not self._material.stems,
            level=self._draw_levels(rng),
            peak=10 ** (-rng.uniform(0, data.random_gain_db) / 20),
            speakers=drawn[0][1],
            attempts=[rows for rows, _ in drawn],
            room=[-1] * (self._sources + self.has_noise),
        )
        if self.has_noise:
            must_be_noisy = is_dynamic and data.task != "sep_clean"
            if self._sources == 1:  # fixed mixtures may have noise of their own
                must_be_noisy = not all(rows[-1].parts for rows in item.attempts)
            if must_be_noisy or rng.random() < data.noise_fraction:
                item.noise_snr = rng.uniform(data.min_noise_snr_db, data.max_noise_snr_db)
                for rows in item.attempts:
                    rows[-1] = self._draw_noise(rng)
        self._draw_effects(rng, item)
        return item

    def _draw_effects(self, rng: np.random.Generator, item: _Item) -> None:
        """What is off draws nothing, so that it changes no other batch."""
        data = self._data
        if data.room_fraction > 0:
            item.room = [
                int(rng.integers(self._rooms)) if rng.random() < data.room_fraction else -1
                for _ in item.room
            ]
        if data.telephone_fraction > 0:
            item.telephone = rng.random() < data.telephone_fraction
        if data.clip_fraction > 0 and rng.random() < data.clip_fraction:
            item.clip_level = rng.uniform(*CLIP_LEVELS)

    def _draw_speech(self, rng: np.random.Generator, _: int | None) -> _Drawn:
        speakers = self._draw_speakers(rng)
        rows = []
        for speaker in speakers:
            speed = self._draw_speed(rng)
            parts = self._draw_parts(rng, speaker, speed)
            rows.append(_Row(parts, self._draw_sign(rng), speed))
        return rows + self._no_noise(), speakers

    def _draw_named(self, rng: np.random.Generator, _: int | None) -> _Drawn:
        rows = []
        drawn = []
        for source, most in enumerate(self._layers):
            layers = int(rng.integers(1, most + 1))
            low, high = self._first_group[source : source + 2]
            for layer in range(layers):
                group = int(low) + _draw(rng, np.cumsum(self._weights[low:high]))
                drawn += [group] * (layer == 0)
                speed = self._draw_speed(rng)
                gain = 10 ** (-rng.uniform(0, LAYER_RANGE_DB) / 20) if layer else 1.0
                parts = self._draw_parts(rng, group, speed)
                rows.append(_Row(parts, gain * self._draw_sign(rng), speed))
            rows += [NO_ROW] * (most - layers)
        return rows + self._no_noise(), drawn

    def _draw_stems(self, rng: np.random.Generator, _: int | None) -> _Drawn:
        rows = []
        for source in range(self._sources):
            mixture = self._material.mixtures[_draw(rng, self._track_seconds)]
            speed = self._draw_speed(rng)
            start = self._draw_start(rng, mixture, speed)
            rows.append(self._row(rng, mixture.sources[source], start, speed))
        return rows + self._no_noise(), [-1] * self._sources

    def _draw_fixed(self, rng: np.random.Generator, index: int | None) -> _Drawn:
        mixtures = self._material.mixtures
        if index is None:
            mixture = mixtures[rng.integers(len(mixtures))]
        else:
            mixture = mixtures[self._in_turn(index)]
        speed = self._draw_speed(rng)
        start = self._draw_start(rng, mixture, speed)
        rows = []
        for piece, layers in zip(mixture.sources, self._layers, strict=True):
            rows += [self._row(rng, piece, start, speed), *[NO_ROW] * (layers - 1)]
        noise = self._no_noise()
        if mixture.noise:
            noise = [self._row(rng, mixture.noise, start, speed)]
        return rows + noise, [-1] * self._sources

    def _in_turn(self, index: int) -> int:
        epoch, place = divmod(index, len(self._material.mixtures))
        # Several threads plan, and near its end not all are in the same epoch.
        known, order = self._order
        if known != epoch:
            rng = np.random.default_rng([self._seed, _SHUFFLE + epoch])
            order = rng.permutation(len(self._material.mixtures))
            self._order = (epoch, order)
        return order[place]

    def _row(self, rng: np.random.Generator, piece: Piece, start: float, speed: int) -> _Row:
        """The segment of a Piece that begins ``start`` seconds into it."""
        whole = int(piece.samples / piece.clip.rate * self._data.sample_rate * 100 / speed)
        samples = min(self._segment_samples, max(1, whole))
        limit = self._data.source_gain_db
        gain = piece.gain * 10 ** (rng.uniform(-limit, limit) / 20) * self._draw_sign(rng)
        first = piece.start / piece.clip.rate + start
        return _Row([_Part(self._number(piece.clip), first, samples)], gain, speed)

    def _no_noise(self) -> list[_Row]:
        return [NO_ROW] * self.has_noise

    def _draw_noise(self, rng: np.random.Generator) -> _Row:
        clip = self._material.noises[rng.integers(len(self._material.noises))]
        needed = self._segment_samples
        available = max(1, int(clip.seconds * self._data.sample_rate))
        start = rng.uniform(0, max(0, available - needed)) / self._data.sample_rate
        parts = []
        while needed > 0:
            samples = min(needed, available)
            parts.append(_Part(self._number(clip), start, samples))
            needed -= samples
        return _Row(parts, 1.0, 100)

    def _draw_start(self, rng: np.random.Generator, mixture: FixedMixture, speed: int) -> float:
        spare = mixture.seconds - self._segment_samples / self._data.sample_rate * speed / 100
        return rng.uniform(0, max(0.0, spare))

    def _draw_speed(self, rng: np.random.Generator) -> int:
        return int(rng.choice(SPEEDS_PERCENT)) if self._data.speed_perturbation else 100

    def _draw_sign(self, rng: np.random.Generator) -> float:
        return float(rng.choice((-1, 1))) if self._data.flip_polarity else 1.0

    def _draw_speakers(self, rng: np.random.Generator) -> list[int]:
        weights = self._weights.copy()
        speakers = []
        for _ in range(self._sources):
            speaker = _draw(rng, np.cumsum(weights))
            speakers.append(speaker)
            weights[self._group == self._group[speaker]] = 0.0
        return speakers

    def _draw_levels(self, rng: np.random.Generator) -> FloatArray:
        """Levels of mean 0 dB; the first source is above each other by the level difference."""
        if self._material.group_counts:
            return self._draw_snr(rng)
        limit = self._data.max_level_difference_db
        if rng.random() >= self._data.wide_fraction:
            limit = min(limit, NARROW_LEVEL_DIFFERENCE_DB)
        levels = np.array([0.0, *-rng.uniform(-limit, limit, self._sources - 1)])
        return levels - levels.mean()

    def _draw_snr(self, rng: np.random.Generator) -> FloatArray:
        """Levels of mean 0 dB; the first source is above each other by the SNR."""
        snr = rng.uniform(self._data.min_snr_db, self._data.max_snr_db, self._sources - 1)
        levels = np.array([0.0, *-snr])
        return levels - levels.mean()

    def _draw_parts(self, rng: np.random.Generator, speaker: int, speed: int) -> list[_Part]:
        low, high = self._first_clip[speaker], self._first_clip[speaker + 1]
        boundaries = self._cumulative_seconds[low : high + 1] - self._cumulative_seconds[low]
        rate = self._data.sample_rate * 100 / speed
        needed = self._segment_samples
        used: set[int] = set()
        parts = []
        while needed > 0:
            clip = low + _draw(rng, boundaries[1:])
            if clip in used and len(used) < high - low:
                continue
            used.add(clip)
            available = max(1, int(self.clips[clip].seconds * rate))
            length = min(needed, available)
            start = rng.uniform(0, available - length) / rate
            parts.append(_Part(clip, start, length))
            needed -= length
        return parts


def _draw(rng: np.random.Generator, cumulative_weights: FloatArray) -> int:
    """An index drawn in proportion to the steps of ``cumulative_weights``, none of zero width."""
    point = rng.random() * cumulative_weights[-1]
    return int(np.searchsorted(cumulative_weights, point, side="right"))
