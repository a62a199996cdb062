"""Fixed mixtures of named sources, drawn and mixed as training does it, for scoring."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fqss_tf.audio.files import write
from fqss_tf.audio.resampling import resample
from fqss_tf.config import DataRecipe
from fqss_tf.data.bad_files import BadFilePolicy
from fqss_tf.data.folders import MANIFEST, Speaker
from fqss_tf.data.manifest import Mixture, Segment, write_manifest
from fqss_tf.data.mixtures import Piece
from fqss_tf.data.plan import BatchPlan, MixturePlan, TrainingSources
from fqss_tf.data.source_folders import groups_in
from fqss_tf.errors import FqssError
from fqss_tf.files import atomic_folder
from fqss_tf.types import FloatArray, OnProgress, PathLike, Sources, Waveform

FOLDER = "mixtures"  # of the audio, beside the list
PEAK = 0.9
SILENCE_RMS = 1e-4
# Mixtures with a silent source are drawn again, so many times for each that is wanted.
MOST_DRAWS = 20


@dataclass(frozen=True)
class SourceMixOptions:
    """``snr_db``: least and largest level of the first source over each other.

    ``most_layers``: the sources but the first are up to so many sounds at once. ``rate`` in Hz.
    """

    mixtures: int = 100
    seconds: float = 5.0
    snr_db: tuple[float, float] = (-5.0, 15.0)
    rate: int = 16000
    most_layers: int = 3
    seed: int = 0


def make_source_mixtures(
    folders: Mapping[str, PathLike], output: PathLike, options: SourceMixOptions, *,
    bad_files: BadFilePolicy | None = None, progress: OnProgress | None = None,
) -> list[Mixture]:
    """Writes ``<output>/mixtures.csv``, and a WAV file for each source of each of its mixtures.

    The level difference in the list is the SNR. Its kind is the folders that the sounds of the
    other sources are from, such as ``music+noise``. The peak of a mixture is 0.9 or less.

    Args:
        folders: {name of a source: folder of its audio}, in the order of the sources.
        output: folder, which may be there and hold other things.
        options: ``SourceMixOptions``. The same options and files give the same mixtures.
        bad_files: a ``BadFilePolicy``; None raises at the first broken file.
        progress: called as ``progress(done, total)`` after each mixture, if given.

    Returns:
        The rows of the list.

    Raises:
        FqssError: a folder without audio, a broken file, only silence, or ``output`` has mixtures
            already or cannot be written.
    """
    bad_files = BadFilePolicy() if bad_files is None else bad_files
    output = Path(output)
    if (output / MANIFEST).exists():
        raise FqssError(f"{output / MANIFEST} exists: choose another folder")
    groups = [groups_in(Path(folder), name, bad_files) for name, folder in folders.items()]
    names = tuple(folders)
    plan = _plan(names, groups, options)
    of_clip = _kinds_of_clips(groups)
    rows: list[Mixture] = []
    with atomic_folder(output / FOLDER) as folder:
        for batch, sources in _drawn(plan, options, folders):
            mixture_id = f"{len(rows):05d}"
            files = [f"{mixture_id}_{name}.wav" for name in names]
            for file, source in zip(files, sources, strict=True):
                write(folder / file, source, options.rate)
            snr = float(batch.level[0, 0] - batch.level[0, 1:].max())
            rows.append(Mixture(
                mixture_id, round(snr, 2),
                tuple(Segment(f"{FOLDER}/{file}", 0, 1.0) for file in files),
                sources.shape[1], kind=_kind(plan, batch, of_clip),
            ))
            if progress is not None:
                progress(len(rows), options.mixtures)
    write_manifest(output / MANIFEST, rows)
    return rows


def _drawn(
    plan: MixturePlan, options: SourceMixOptions, folders: Mapping[str, PathLike]
) -> Iterator[tuple[BatchPlan, Sources]]:
    """As many mixtures as are wanted, without those of a silent source."""
    found = 0
    for number in range(options.mixtures * MOST_DRAWS):
        batch = plan.batch(number)
        sources = _mixed(plan, batch, options)
        if sources is not None:
            yield batch, sources
            found += 1
        if found == options.mixtures:
            return
    raise FqssError(f"{', '.join(map(str, folders.values()))}: hold little but silence")


def _plan(
    names: tuple[str, ...], groups: list[list[Speaker]], options: SourceMixOptions
) -> MixturePlan:
    low, high = options.snr_db
    recipe = DataRecipe(
        sample_rate=options.rate, segment_seconds=options.seconds, sources=names,
        layered_sources=names[1:], most_layers=options.most_layers, min_snr_db=low,
        max_snr_db=high,
    )
    material = TrainingSources(
        tuple(group for each in groups for group in each), group_counts=tuple(map(len, groups))
    )
    return MixturePlan(
        material, recipe, sources=len(names), batch_size=1, seed=options.seed,
        segment_samples=round(options.seconds * options.rate),
    )


def _mixed(plan: MixturePlan, batch: BatchPlan, options: SourceMixOptions) -> Sources | None:
    """The sources of the first attempt, float32 [S, T]; None if one is silent."""
    samples = round(options.seconds * options.rate)
    sources = np.zeros((plan.places[-1] + 1, samples))
    for row, place in enumerate(plan.places):
        pieces = range(batch.row_splits[row], batch.row_splits[row + 1])
        parts = [_piece(plan, batch, piece, options.rate) for piece in pieces]
        waveform = np.concatenate([*parts, np.zeros(samples)])[:samples]
        sources[place] += batch.gain[row] * waveform / max(_rms(waveform), SILENCE_RMS)
    levels = np.array([_rms(source) for source in sources])
    if levels.min() < 0.5:
        return None
    sources *= (10 ** (batch.level[0] / 20) / levels)[:, np.newaxis]
    # A source may be louder than the mixture, and must not be clipped in its file.
    loudest = max(np.abs(sources).max(), np.abs(sources.sum(axis=0)).max())
    return (PEAK / loudest * sources).astype(np.float32)


def _piece(plan: MixturePlan, batch: BatchPlan, number: int, rate: int) -> Waveform:
    clip, samples = plan.clips[batch.clip[number]], int(batch.samples[number])
    first = min(int(batch.start[number] * clip.rate), clip.frames - 1)
    frames = min(-(-samples * clip.rate // rate), clip.frames - first)
    return resample(Piece(clip, first, frames).read(), clip.rate, rate)[:samples]


def _kinds_of_clips(groups: list[list[Speaker]]) -> dict[str, str]:
    """{path of a clip of the sources but the first: the folder it is from, or its source}."""
    kinds = {}
    for group in (group for each in groups[1:] for group in each):
        source, name = group.name.split("/")
        for clip in group.clips:
            kinds[clip.path] = source if Path(clip.path).name == name else name
    return kinds


def _kind(plan: MixturePlan, batch: BatchPlan, of_clip: Mapping[str, str]) -> str:
    clips = batch.clip[: batch.row_splits[plan.rows]]
    return "+".join(sorted({of_clip[p] for c in clips if (p := plan.clips[c].path) in of_clip}))


def _rms(waveform: FloatArray) -> float:
    return float(np.sqrt(np.mean(np.square(waveform, dtype=np.float64))))
