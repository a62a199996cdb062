"""What a recipe trains on, measures its ranges on, and is scored on."""

import dataclasses
import functools
import logging
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np

from fqss_tf import environment
from fqss_tf.audio.levels import at_peak_1
from fqss_tf.config import Recipe, StageRecipe
from fqss_tf.data.bad_files import BadFilePolicy, bad_files_named
from fqss_tf.data.bundled import BUNDLED
from fqss_tf.data.mixtures import Loadable, ReadWhenUsed
from fqss_tf.data.recordings import is_data_set, recorded_segments
from fqss_tf.data.stand_in import StandIn, voices_in_noise
from fqss_tf.data.training_sources import scored_mixtures, training_sources
from fqss_tf.models.registry import network_of
from fqss_tf.types import Dataset, FloatArray, MixturePair, PathLike, Tensor

logger = logging.getLogger(__name__)


def batches(
    recipe: Recipe,
    stage: StageRecipe,
    first_batch: int = 0,
    seed_offset: int = 0,
    bad_files: BadFilePolicy | None = None,
) -> Dataset:
    """Makes the endless tf.data.Dataset of training batches (mixture [B, T], sources [B, S, T]).

    Args:
        recipe: what they are made of.
        stage: the stage of it that is trained.
        first_batch: number of the batch that comes first.
        seed_offset: added to the recipe's seed.
        bad_files: hears of what is wrong with the data; None makes one of the recipe's.
    """
    environment.check_tensorflow_io()
    from fqss_tf.data.pipeline import training_mixtures

    data = recipe.data
    bad_files = BadFilePolicy(data.on_bad_file) if bad_files is None else bad_files
    return training_mixtures(
        training_sources(data, recipe.model.sources, bad_files),
        data,
        sources=recipe.model.sources,
        segment_samples=recipe.segment(),
        batch_size=stage.batch_size,
        seed=recipe.seed + seed_offset,
        bad_files=bad_files,
        first_batch=first_batch,
    )


def calibration_batches(
    recipe: Recipe, calibration: PathLike | None = None, bad_files: BadFilePolicy | None = None
) -> Iterator[FloatArray | Tensor]:
    """Yields batches of mixtures float32 [B, T] on which ranges are measured.

    Args:
        recipe: says how many, and of what length.
        calibration: folder of recordings, or a data set; None takes the training mixtures.
        bad_files: as for ``batches``.
    """
    steps, size = recipe.quantization.calibration_steps, recipe.qat.batch_size
    if calibration is None and _lacks_music(recipe):
        yield from _stand_in_segments(recipe, steps)
        return
    if calibration is not None and not is_data_set(calibration):
        bad_files = BadFilePolicy(recipe.data.on_bad_file) if bad_files is None else bad_files
        segments = list(recorded_segments(
            calibration, recipe.data.sample_rate, recipe.segment(), steps * size, bad_files
        ))
        for start in range(0, len(segments), size):
            yield np.stack(segments[start : start + size])
        return
    if calibration is not None:
        data = dataclasses.replace(recipe.data, datasets=(str(calibration),))
        recipe = dataclasses.replace(recipe, data=data)
    drawn = batches(recipe, recipe.qat, seed_offset=1, bad_files=bad_files)
    with bad_files_named():
        for mixture, _ in drawn.take(steps):
            yield mixture


def fixed_mixtures(
    recipe: Recipe,
    part: Literal["dev", "test"] = "dev",
    bad_files: BadFilePolicy | None = None,
) -> Sequence[MixturePair]:
    """Returns (mixture [T], sources [S, T]) pairs, T a multiple of the hop.

    They are of the first root that has some, else of the bundled audio. ``bad_files`` as for
    ``batches``.
    """
    hop = recipe.model.hop
    if _lacks_music(recipe):
        return ReadWhenUsed(_music_stand_ins(recipe, part), functools.partial(_in_stems, recipe))

    def read(entry: Loadable) -> MixturePair:
        mixture, sources = entry.load()
        samples = len(mixture) // hop * hop
        return mixture[:samples], sources[:, :samples]

    return ReadWhenUsed(scored_mixtures(recipe.data, part, recipe.model.sources, bad_files), read)


def _lacks_music(recipe: Recipe) -> bool:
    """Whether a network of music has nothing but the bundled audio."""
    return network_of(recipe.model).of_music and recipe.data.datasets == (BUNDLED,)


def _music_stand_ins(recipe: Recipe, part: str) -> list[StandIn]:
    logger.warning(
        "no music in data.datasets: bundled voices in pink noise are taken; --calibrate "
        "measures ranges on recordings of yours"
    )
    return voices_in_noise(part, recipe.data.sample_rate)


def _in_stems(recipe: Recipe, entry: StandIn) -> MixturePair:
    """A voice and its noise as the first stems; the others are silent."""
    mixture, voice = entry.load()
    samples = len(mixture) // recipe.model.hop * recipe.model.hop
    stems = np.zeros((recipe.model.sources, samples), np.float32)
    stems[0], stems[1] = voice[0, :samples], (mixture - voice[0])[:samples]
    return mixture[:samples], stems


def _stand_in_segments(recipe: Recipe, most: int) -> Iterator[FloatArray]:
    """Whole segments [1, T] of the stand-ins one after the other, each of peak 1."""
    mixtures = [entry.load()[0] for entry in _music_stand_ins(recipe, "dev")]
    samples = recipe.segment()
    joined = np.concatenate([at_peak_1(mixture) for mixture in mixtures])
    count = min(most, max(len(joined) // samples, 1))
    for segment in np.resize(joined, count * samples).reshape(count, samples):
        yield at_peak_1(segment)[None]
