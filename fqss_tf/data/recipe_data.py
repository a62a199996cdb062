"""What a recipe trains on, measures its ranges on, and is scored on."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np

from fqss_tf import environment
from fqss_tf.config import Recipe, StageRecipe
from fqss_tf.data.bad_files import BadFilePolicy
from fqss_tf.data.mixtures import Loadable, ReadWhenUsed
from fqss_tf.data.recordings import is_data_set, recorded_segments
from fqss_tf.data.training_sources import scored_mixtures, training_sources
from fqss_tf.types import Dataset, FloatArray, MixturePair, PathLike, Tensor


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
    for mixture, _ in drawn.take(steps):
        yield mixture


def fixed_mixtures(
    recipe: Recipe,
    part: Literal["dev", "test"] = "dev",
    bad_files: BadFilePolicy | None = None,
) -> Sequence[MixturePair]:
    """Returns (mixture [T], sources [S, T]) pairs, T a multiple of the hop.

    They are of the first root that has some, else of the bundled speech. ``bad_files`` as for
    ``batches``.
    """
    hop = recipe.model.hop

    def read(entry: Loadable) -> MixturePair:
        mixture, sources = entry.load()
        samples = len(mixture) // hop * hop
        return mixture[:samples], sources[:, :samples]

    return ReadWhenUsed(scored_mixtures(recipe.data, part, recipe.model.sources, bad_files), read)
