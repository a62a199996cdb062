"""The mixtures of a data set that models are scored on, and what the models need of it."""

import contextlib
import dataclasses
import functools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from fqss_tf.data.bad_files import BadFilePolicy
from fqss_tf.data.bundled import BUNDLED, BUNDLED_RATE, data_root
from fqss_tf.data.folders import MANIFEST
from fqss_tf.data.librimix import LibriMix, mode_folders
from fqss_tf.data.manifest import manifest_mixtures, read_manifest
from fqss_tf.data.mixtures import FixedMixture, ReadWhenUsed, level_difference_db
from fqss_tf.data.source_folders import VOICE_AND_BACKGROUND
from fqss_tf.data.stand_in import StandIn
from fqss_tf.data.training_sources import scored_mixtures
from fqss_tf.errors import FqssError
from fqss_tf.tflite.file import FileLike, TfliteFile, open_model
from fqss_tf.types import PathLike, Sources, Waveform

if TYPE_CHECKING:
    from fqss_tf.config import DataRecipe

# mixture_id, level_difference in dB of source 1 over the loudest other, mixture float32 [samples],
# sources float32 [S, samples]; or [samples, channels] and [S, samples, channels].
LoadedMixture: TypeAlias = tuple[str, float, Waveform, Sources]


def load_mixtures(
    data: PathLike, manifest: str = MANIFEST, task: str = "sep_clean",
    models: Iterable[FileLike] = (), keep_channels: bool = False,
) -> tuple[Sequence[LoadedMixture], int]:
    """Finds the mixtures that a manifest lists, or those of the part ``test`` of a data set.

    A data set without a manifest is read as training reads its part ``test`` for the first model
    that says what it separates: stems, folders of sources, or speech that gets noise.

    Args:
        data: a data set folder (its part ``test`` is taken), a folder that holds the manifest
            itself, a LibriMix tree, or ``bundled`` for the audio in the package.
        manifest: name of the CSV file in that folder; a LibriMix tree needs none.
        task: of a LibriMix, see there.
        models: as for ``evaluate``; needed for data sets without a manifest.
        keep_channels: do not average the channels of the files.

    Returns:
        (mixtures as ``evaluate`` takes them, each read when it is used; their sample rate in Hz).

    Raises:
        FqssError: no such manifest, a broken one, or mixtures of different rates. Using a mixture
            whose samples cannot be decoded raises it too.
    """
    load = functools.partial(_load, keep_channels)
    if manifest == MANIFEST and mode_folders(data_root(data)):
        data_set = LibriMix(data_root(data), task=task)
        mixtures = [(mixture, None) for mixture in data_set.mixtures("test")]
        return ReadWhenUsed(mixtures, load), data_set.sample_rate
    if (like := _needed(data, manifest, models)) is not None:
        settings, sources = like
        found = scored_mixtures(
            settings, "test", sources, most_seconds=None, substitutes=str(data) == BUNDLED
        )
        return ReadWhenUsed([(mixture, None) for mixture in found], load), settings.sample_rate
    path = _manifest_folder(data, manifest) / manifest
    rows = read_manifest(path)
    for row in rows:
        if row.samples < 1:
            raise FqssError(f"{path}: {row.mixture_id} has no samples")
    entries = manifest_mixtures(path, BadFilePolicy())
    for entry in entries:
        if entry.rate != entries[0].rate:
            raise FqssError(
                f"{path}: {entry.mixture_id} has {entry.rate} Hz but the mixtures before it have "
                f"{entries[0].rate} Hz"
            )
    level_differences = [row.level_difference for row in rows]
    listed = list(zip(entries, level_differences, strict=True))
    return ReadWhenUsed(listed, load), entries[0].rate


def mixture_kinds(data: PathLike, manifest: str = MANIFEST) -> dict[str, str]:
    """Reads {mixture_id: kind} of the mixtures that a manifest lists with a kind.

    Arguments as of ``load_mixtures``; empty for a LibriMix.

    Raises:
        FqssError: as ``load_mixtures``.
    """
    if manifest == MANIFEST and mode_folders(data_root(data)):
        return {}
    if not _has_manifest(data, manifest):
        return {}
    rows = read_manifest(_manifest_folder(data, manifest) / manifest)
    return {row.mixture_id: row.kind for row in rows if row.kind}


def check_rates(models: Iterable[FileLike], rate: int) -> None:
    """Checks that models can be scored on mixtures of a sample rate, before much time is spent.

    Args:
        models: as for ``evaluate``; those that do not say what they separate are passed over.
        rate: of the mixtures, Hz.

    Raises:
        FqssError: one works at another rate.
    """
    for model in map(open_model, models):
        try:
            settings, _ = _separated_by(model)
        except FqssError:
            continue
        name = model.name if isinstance(model, TfliteFile) else str(model)
        check_rate(name, settings.sample_rate, rate)


def check_rate(name: str, own: int, rate: int) -> None:
    """Checks that a model's ``own`` rate is that of the mixtures, both in Hz.

    Raises:
        FqssError: it is not.
    """
    if own != rate:
        raise FqssError(
            f"{name} works at {own} Hz but the mixtures have {rate} Hz: give data of the model's "
            "rate"
        )


def default_task(models: Iterable[FileLike]) -> Literal["sep_clean", "enh_single"]:
    """Returns the task of a LibriMix to score models on: ``enh_single`` for those of one source.

    Args:
        models: as for ``evaluate``; the first one that says decides.
    """
    for model in models:
        with contextlib.suppress(FqssError):
            return "enh_single" if _sources_of(open_model(model)) == 1 else "sep_clean"
    return "sep_clean"


def _load(
    keep_channels: bool, entry: tuple[FixedMixture | StandIn, float | None]
) -> LoadedMixture:
    """Reads a mixture, and measures its level difference where nobody gave it."""
    mixture, level_difference = entry
    if isinstance(mixture, FixedMixture):
        samples, sources = mixture.load(keep_channels)
    else:  # has one channel
        samples, sources = mixture.load()
    if level_difference is None:
        level_difference = level_difference_db(sources)
    return mixture.mixture_id, level_difference, samples, sources


def _manifest_folder(data: PathLike, manifest: str) -> Path:
    root = data_root(data)
    candidates = [root / "test", root]
    for folder in candidates:
        if (folder / manifest).is_file():
            return folder
    raise FqssError(
        f"no {manifest} in {candidates[0]} or {candidates[1]}: give a data set folder with a "
        "manifest, or bundled"
    )


def _has_manifest(data: PathLike, manifest: str) -> bool:
    root = data_root(data)
    return any((folder / manifest).is_file() for folder in (root / "test", root))


def _needed(
    data: PathLike, manifest: str, models: Iterable[FileLike]
) -> tuple["DataRecipe", int] | None:
    """What training would ask of a data set, and of how many sources; None if its manifest will do.

    The mixtures of the bundled manifest are of a voice and a background alone, at one rate.
    """
    if manifest != MANIFEST:  # somebody means this one
        return None
    for model in map(open_model, models):
        with contextlib.suppress(FqssError):  # it says nothing, as a file of others
            settings, sources = _separated_by(model)
            fits = str(data) != BUNDLED or (
                tuple(settings.sources) == VOICE_AND_BACKGROUND
                and settings.sample_rate == BUNDLED_RATE
            )
            if _has_manifest(data, manifest) and fits:
                return None
            return dataclasses.replace(settings, datasets=(str(data),), dev_mixtures=0), sources
    return None


def _separated_by(model: Path | TfliteFile) -> tuple["DataRecipe", int]:
    """The data that a model was made for, and how many sources it separates."""
    if isinstance(model, TfliteFile):
        from fqss_tf.config import DataRecipe

        metadata = model.metadata
        names = metadata.sources if metadata.has_named_sources else ()
        settings = DataRecipe(sample_rate=metadata.sample_rate, sources=tuple(names))
        return settings, len(metadata.sources)
    from fqss_tf.runs.folder import RunFolder

    recipe = RunFolder(model).recipe
    return recipe.data, recipe.model.sources


def _sources_of(model: Path | TfliteFile) -> int:
    if isinstance(model, TfliteFile):
        return len(model.metadata.sources)
    from fqss_tf.runs.folder import RunFolder

    return RunFolder(model).recipe.model.sources
