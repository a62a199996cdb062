"""Hours, speakers, lengths and levels of a data set."""

from collections.abc import Sequence

import numpy as np

from fqss_tf.audio.files import read
from fqss_tf.data.bad_files import BadFilePolicy
from fqss_tf.data.check import every_set
from fqss_tf.data.clips import Clip
from fqss_tf.data.loudness import loudness
from fqss_tf.data.mixtures import FixedMixture, level_difference_db
from fqss_tf.data.sets import DataSet
from fqss_tf.errors import FqssError
from fqss_tf.types import FloatArray, Json, OnProgress, PathLike

QUANTILES = (0.05, 0.5, 0.95)


def data_set_statistics(
    root: PathLike, *, files: int = 500, progress: OnProgress | None = None
) -> list[Json]:
    """Describes every part of a data set.

    Args:
        root: a data set folder of any kind, or ``bundled``.
        files: levels are measured on so many clips or mixtures of a part, evenly taken; 0 for all.
        progress: called as ``progress(done, total)`` while levels are measured, if given.

    Returns:
        A list of dictionaries, one for each place and part: ``place, part, kind, rates`` (Hz),
        ``speakers``, ``speaker_hours`` {name: hours}, ``clips``, ``clip_hours``, ``mixtures``,
        ``mixture_hours``; and the lists ``seconds`` (of every mixture, else of every clip),
        ``loudness`` (LUFS of the sources measured), ``peaks`` (dB of full scale, of the mixtures,
        else of the clips), ``level_differences`` (dB) and ``noise_snr`` (dB).

    Raises:
        FqssError: the tree is wrong, or a file is broken.
    """
    bad_files = BadFilePolicy()
    entries = []
    for place, data_set in every_set(root, bad_files):
        for part in data_set.parts:
            entries.append(_entry(place, data_set, part, files))
    total = sum(len(measured) for _, measured in entries)
    done = 0
    statistics = []
    for entry, measured in entries:
        for thing in measured:
            _measure(thing, entry)
            done += 1
            if progress is not None:
                progress(done, total)
        statistics.append(entry)
    return statistics


def quantiles(values: Sequence[float]) -> list[float] | None:
    """Returns 5 %, median and 95 %, or None where there are no values."""
    return [float(q) for q in np.quantile(values, QUANTILES)] if len(values) else None


def summary(entry: Json) -> Json:
    """Returns an entry with its lists reduced to quantiles."""
    lists = ("seconds", "loudness", "peaks", "level_differences", "noise_snr")
    return {key: quantiles(value) if key in lists else value for key, value in entry.items()}


def _entry(
    place: str, data_set: DataSet, part: str, files: int
) -> tuple[Json, list[FixedMixture | Clip]]:
    mixtures, speakers = data_set.mixtures(part), data_set.speakers(part)
    clips = [clip for speaker in speakers for clip in speaker.clips]
    pieces = [piece.clip for mixture in mixtures for piece in mixture.pieces]
    things: Sequence[FixedMixture | Clip] = mixtures or clips
    if not things:
        raise FqssError(f"{data_set.root}: {part} holds no clips and no mixtures")
    step = max(1.0, len(things) / files) if files else 1.0
    entry = {
        "place": place,
        "part": part,
        "kind": data_set.kind,
        "rates": sorted({clip.rate for clip in (*clips, *pieces)}),
        "speakers": len(speakers),
        "speaker_hours": {s.name: sum(clip.seconds for clip in s.clips) / 3600 for s in speakers},
        "clips": len(clips),
        "clip_hours": sum(clip.seconds for clip in clips) / 3600,
        "mixtures": len(mixtures),
        "mixture_hours": sum(mixture.seconds for mixture in mixtures) / 3600,
        "seconds": [thing.seconds for thing in things],
        "loudness": [], "peaks": [], "level_differences": [], "noise_snr": [],
    }
    return entry, [things[int(i * step)] for i in range(int(len(things) / step))]


def _measure(thing: FixedMixture | Clip, entry: Json) -> None:
    if isinstance(thing, FixedMixture):
        mixture, sources = thing.load()
        rate, heard = thing.rate, list(sources)
        entry["level_differences"].append(level_difference_db(sources))
        if thing.noise is not None:
            noise = thing.noise.read()
            entry["noise_snr"].append(_decibels(sources.sum(axis=0)) - _decibels(noise))
    else:
        waveform, rate = read(thing.path)
        mixture = waveform.mean(axis=1)
        heard = [mixture]
    entry["peaks"].append(float(20 * np.log10(max(np.abs(mixture).max(), 1e-6))))
    levels = [loudness(source, rate) for source in heard]
    entry["loudness"] += [level for level in levels if np.isfinite(level)]


def _decibels(waveform: FloatArray) -> float:
    return float(10 * np.log10(np.mean(np.square(waveform, dtype=np.float64)) + 1e-12))
