"""What cutting long recordings into chunks costs: scores, and sources that change places."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fqss_tf.audio.files import read, resample
from fqss_tf.audio.levels import peak_gain
from fqss_tf.data.bundled import BUNDLED, BUNDLED_RATE, data_root
from fqss_tf.data.source_folders import VOICE_AND_BACKGROUND
from fqss_tf.data.stand_in import pink_noise
from fqss_tf.errors import FqssError
from fqss_tf.evaluation.evaluate import Forward
from fqss_tf.metrics import mean_si_sdr
from fqss_tf.runtime.chunking import (
    chunk_starts,
    default_overlap,
    matching_order,
    separate_in_chunks,
)
from fqss_tf.runtime.engine import Engine
from fqss_tf.tflite.file import FileLike, TfliteFile
from fqss_tf.tflite.metadata import Metadata
from fqss_tf.types import FloatArray, OnProgress, Sources, Waveform

DEFAULT_RATE = 8000
LARGEST_LEVEL_DIFFERENCE = 5  # dB


@dataclass(frozen=True)
class SeamScore:
    """One model on chunks of long mixtures, against one that takes them whole.

    SI-SDR in dB, a value for each mixture: of the whole, of its chunks joined, and of chunks that
    a plain chunker joins, the sources in random order from chunk to chunk in both cases. ``seams``
    of all mixtures; at so many of them two sources change places, as the whole has them:
    ``swapped`` by our joining, ``swapped_plainly`` by the plain one, and ``swapped_by_network`` by
    the plain one when the order is the network's own instead of random.
    """

    samples: int
    whole: list[float]
    joined: list[float]
    joined_plainly: list[float]
    seams: int
    swapped: int
    swapped_plainly: int
    swapped_by_network: int
    rate: int = DEFAULT_RATE

    @property
    def mixtures(self) -> int:
        """How many were scored."""
        return len(self.whole)

    @property
    def largest_difference(self) -> float:
        """The largest between the whole and its chunks, in dB, of any mixture."""
        return float(np.max(np.abs(np.subtract(self.joined, self.whole))))


def bundled_voices(rate: int = DEFAULT_RATE) -> list[list[Waveform]]:
    """Reads the voices of the bundled test part.

    Args:
        rate: of what it returns, Hz.

    Returns:
        The clips of each speaker, float32 [samples].

    Raises:
        FqssError: the package has no speech, as fqss-tf-runtime has none.
    """
    clips: dict[Path, list[Waveform]] = {}
    for path in _bundled_test("voice/*/*.flac"):
        clips.setdefault(path.parent, []).append(_read(path, rate))
    return list(clips.values())


def bundled_backgrounds(rate: int) -> list[Waveform]:
    """Reads the backgrounds of the bundled test part, float32 [samples] each; see above."""
    return [_read(path, rate) for path in _bundled_test("background/*/*.ogg")]


def _bundled_test(pattern: str) -> list[Path]:
    paths = sorted((data_root(BUNDLED) / "test").glob(pattern))
    if not paths:
        raise FqssError("the bundled audio is missing: fqss-tf brings it, fqss-tf-runtime does not")
    return paths


def _read(path: Path, rate: int) -> Waveform:
    return resample(read(path)[0][:, 0], BUNDLED_RATE, rate)


def long_mixture(
    voices: Sequence[Sequence[Waveform]], samples: int, generator: np.random.Generator,
    sources: int = 2, backgrounds: Sequence[Waveform] = (),
) -> tuple[Waveform, Sources]:
    """Mixes speakers within 5 dB of each other, or one with a background or pink noise.

    Each speaks clips in random order.

    Args:
        voices: clips of each speaker, as ``bundled_voices`` gives them.
        samples: of the mixture.
        generator: of NumPy, which decides everything.
        sources: how many.
        backgrounds: what the last source is made of; none if it is a speaker, too.

    Returns:
        The mixture, float32 [samples] of peak 1, and its sources, [sources, samples].
    """
    parts = []
    half = LARGEST_LEVEL_DIFFERENCE / 2
    speakers = generator.choice(len(voices), sources - bool(backgrounds), replace=False)
    heard = [voices[speaker] for speaker in speakers] + ([backgrounds] if backgrounds else [])
    for choice in heard:
        clips: list[Waveform] = []
        while sum(map(len, clips)) < samples:
            clips.append(choice[generator.integers(len(choice))])
        source = np.concatenate(clips)[:samples]
        parts.append(_at_level(source, generator.uniform(-half, half)))
    if sources == 1:
        noise = pink_noise(samples, generator.integers(2**31))
        parts.append(_at_level(noise, generator.uniform(-half, half)))
    rows = np.array(parts, np.float32)
    gain = np.float32(peak_gain(rows.sum(axis=0)))
    return gain * rows.sum(axis=0), gain * rows[:sources]


def _at_level(waveform: Waveform, level: float) -> FloatArray:
    return 10 ** (level / 20) * waveform / np.sqrt(np.mean(waveform**2))


class Shuffled:
    """The chunks that a network gave, with the sources of each in random order.

    Args:
        estimates: of each chunk, [sources, segment].
        generator: of NumPy.
    """

    def __init__(self, estimates: Iterable[Sources], generator: np.random.Generator) -> None:
        self._estimates = iter(estimates)
        self._generator = generator

    def __call__(self, _: Waveform | None) -> Sources:
        """Returns the next chunk, whatever it is asked for."""
        return self._generator.permutation(next(self._estimates))


def unchanged_order(before: Sources, after: Sources) -> range:
    """Returns the order that a plain chunker takes: every source goes on where it stands."""
    return range(len(after))


def swapped_seams(joined: Sources, whole: Sources, starts: Sequence[int], overlap: int) -> int:
    """Counts the seams where the sources of ``joined`` change places and those of ``whole`` do not.

    Args:
        joined: [sources, samples].
        whole: [sources, samples] of the same mixture.
        starts: of the chunks that were joined, in samples.
        overlap: samples that neighbours share; a chunk is judged between the middles of its fades.
    """
    edges = [start + overlap // 2 for start in starts[1:]]
    orders = [
        tuple(matching_order(whole_part, part))
        for whole_part, part in zip(
            np.split(whole, edges, axis=1), np.split(joined, edges, axis=1), strict=True
        )
    ]
    return sum(here != there for here, there in zip(orders, orders[1:], strict=False))


def score_seams(
    forward: Forward, segment: int, whole: Forward, samples: int, mixtures: int,
    voices: Sequence[Sequence[Waveform]], progress: OnProgress | None = None, sources: int = 2,
    rate: int = DEFAULT_RATE, backgrounds: Sequence[Waveform] = (),
) -> SeamScore:
    """Scores a network in chunks against itself as a whole, on mixtures of random clips.

    Args:
        forward: function [segment] -> [sources, segment], float32.
        segment: samples of a chunk.
        whole: function [samples] -> [sources, samples], the same network.
        samples: of each mixture.
        mixtures: how many.
        voices: clips of each speaker.
        progress: called as ``progress(done, total)`` after each mixture, if given.
        sources: of the network.
        rate: of everything, Hz.
        backgrounds: see ``long_mixture``.

    Returns:
        A ``SeamScore``.
    """
    overlap = default_overlap(segment)
    starts = chunk_starts(samples, segment, overlap)
    scores: dict[str, list[float]] = {"whole": [], "joined": [], "joined_plainly": []}
    swapped = {"swapped": 0, "swapped_plainly": 0, "swapped_by_network": 0}
    for seed in range(mixtures):
        generator = np.random.default_rng(seed)
        mixture, targets = long_mixture(voices, samples, generator, sources, backgrounds)
        chunks: list[Sources] = []

        def kept(chunk: Waveform, chunks: list[Sources] = chunks) -> Sources:
            chunks.append(forward(chunk))
            return chunks[-1]

        def join(
            network: Forward, order: Callable[[Sources, Sources], Sequence[int]] | None = None,
            mixture: Waveform = mixture,
        ) -> Sources:
            return separate_in_chunks(mixture, network, segment, overlap, order=order)

        by_network = join(kept, unchanged_order)
        at_random = Shuffled(chunks, np.random.default_rng(seed))
        joined = join(at_random)
        at_random = Shuffled(chunks, np.random.default_rng(seed))
        joined_plainly = join(at_random, unchanged_order)
        reference = whole(mixture)
        estimates = {"whole": reference, "joined": joined, "joined_plainly": joined_plainly}
        for name, values in estimates.items():
            scores[name].append(mean_si_sdr(values, targets))
        results = (joined, joined_plainly, by_network)
        for name, values in zip(swapped, results, strict=True):
            swapped[name] += swapped_seams(values, reference, starts, overlap)
        if progress is not None:
            progress(seed + 1, mixtures)
    return SeamScore(
        samples=samples,
        whole=scores["whole"],
        joined=scores["joined"],
        joined_plainly=scores["joined_plainly"],
        seams=mixtures * (len(starts) - 1),
        swapped=swapped["swapped"],
        swapped_plainly=swapped["swapped_plainly"],
        swapped_by_network=swapped["swapped_by_network"],
        rate=rate,
    )


def score_files(
    file: FileLike, whole_file: FileLike, mixtures: int, threads: int = 1,
    progress: OnProgress | None = None,
) -> SeamScore:
    """Scores two .tflite files of one run by ``score_seams``, on the test part of the package.

    Args:
        file: takes segments; open already or by its path.
        whole_file: takes longer ones, the length of the mixtures.
        mixtures: how many.
        threads: CPU threads.
        progress: called as ``progress(done, total)`` after each mixture, if given.

    Raises:
        FqssError: a file is missing, damaged or a streaming model, the files are of different
            kinds, or they are for more sources than two.
    """
    file, whole_file = TfliteFile.open(file), TfliteFile.open(whole_file)
    path, whole_path = file.path, whole_file.path
    engine, whole = Engine(file, threads), Engine(whole_file, threads)
    for tried in (file, whole_file):
        sources = len(tried.metadata.sources)
        if sources > 2:
            raise FqssError(f"{tried.path} is for {sources} sources, at most two are tried")
    kind, whole_kind = map(_kind, (engine.metadata, whole.metadata))
    if kind != whole_kind:
        raise FqssError(
            f"{whole_path} is {whole_kind} but {path} is {kind}: convert one run in one way"
        )
    if whole.metadata.segment <= engine.metadata.segment:
        raise FqssError(
            f"{whole_path} takes {whole.metadata.segment} samples, no more than {path}: "
            "convert the run with a larger --seconds"
        )
    rate = engine.metadata.sample_rate
    names = engine.metadata.sources
    score = score_seams(
        engine.forward, engine.metadata.segment, whole.forward, whole.metadata.segment, mixtures,
        bundled_voices(rate), progress, len(names), rate,
        bundled_backgrounds(rate) if names == VOICE_AND_BACKGROUND else (),
    )
    engine.close()
    whole.close()
    return score


def _kind(metadata: Metadata) -> str:
    kind = f"{metadata.network} {metadata.method} {metadata.type}"
    return f"{kind} at {metadata.sample_rate} Hz with {len(metadata.sources)} sources"
