"""Draws the fixed mixtures of the audio that ships with the package."""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from fqss_tf.data.bundled_voices import VOICE
from fqss_tf.data.clips import Clip
from fqss_tf.data.folders import MANIFEST, Speaker
from fqss_tf.data.make_manifest import PEAK, draw_mixtures
from fqss_tf.data.manifest import Mixture, mixture_of_two, write_manifest
from fqss_tf.data.mixtures import Piece
from fqss_tf.data.source_folders import VOICE_AND_BACKGROUND, SourceFolders
from fqss_tf.types import FloatArray, PathLike

INPUT_SNR_DB = tuple(range(-5, 31, 5))
SECONDS = 5.0


def draw_sweep(root: PathLike, part: str, pairs: int, *, seed: int = 0) -> list[Mixture]:
    """Draws pairs of a voice and a background, and mixes each at every SNR of ``INPUT_SNR_DB``.

    Voices take turns, and so do kinds of background and the clips of a kind.

    Args:
        root: folder of both sources, see ``SourceFolders``.
        part: of it, ``dev`` or ``test``.
        pairs: how many.
        seed: the same seed and files give the same mixtures.

    Returns:
        A list of ``Mixture``; each peaks at 0.9, and its level difference is the SNR.

    Raises:
        FqssError: the folder is not as expected.
    """
    return [
        _mixture(root, part, number, pair, snr)
        for number, pair in enumerate(_pairs(root, part, pairs, seed)) for snr in INPUT_SNR_DB
    ]


def draw_each_once(root: PathLike, part: str, pairs: int, *, seed: int = 0) -> list[Mixture]:
    """Draws pairs as ``draw_sweep``, and mixes each at one SNR: the next of ``INPUT_SNR_DB``."""
    return [
        _mixture(root, part, number, pair, INPUT_SNR_DB[number % len(INPUT_SNR_DB)])
        for number, pair in enumerate(_pairs(root, part, pairs, seed))
    ]


def make_bundled_manifests(root: PathLike) -> None:
    """Writes the ``mixtures.csv`` of voice and background, and of two voices, of dev and test."""
    root = Path(root)
    voices = {"dev": {"narrow": (16, 5.0), "wide": (8, 30.0)}, "test": {"main": (24, 5.0)}}
    made = {
        "dev": draw_each_once(root, "dev", 24, seed=1), "test": draw_sweep(root, "test", 12, seed=2)
    }
    for number, (part, mixtures) in enumerate(made.items(), 1):
        write_manifest(root / part / MANIFEST, mixtures)
        of_two = draw_mixtures(root / part, VOICE, voices[part], seed=number)
        write_manifest(root / part / VOICE / MANIFEST, of_two)


def _pairs(root: PathLike, part: str, count: int, seed: int) -> Iterator[tuple[Piece, Piece]]:
    chance = np.random.default_rng(seed)
    voices, backgrounds = SourceFolders(root, VOICE_AND_BACKGROUND).groups(part)
    of_voices, of_backgrounds = _in_turn(voices, chance), _in_turn(backgrounds, chance)
    for _ in range(count):
        yield next(of_voices), next(of_backgrounds)


def _in_turn(groups: Sequence[Speaker], chance: np.random.Generator) -> Iterator[Piece]:
    """A stretch of each group, then another of each, without end."""
    order = chance.permutation(len(groups))
    unused: list[list[Piece]] = [[] for _ in groups]
    while True:
        for number in order:
            if not unused[number]:
                unused[number] = _shuffled(groups[number].clips, chance)
            yield unused[number].pop()


def _shuffled(clips: Sequence[Clip], chance: np.random.Generator) -> list[Piece]:
    """All stretches, one of every clip before another of any."""
    stretches = [_stretches(clips[i]) for i in chance.permutation(len(clips))]
    rounds = itertools.zip_longest(*stretches)
    return [piece for each in rounds for piece in each if piece is not None]


def _stretches(clip: Clip) -> list[Piece]:
    samples = round(SECONDS * clip.rate)
    return [Piece(clip, start, samples) for start in range(0, clip.frames - samples + 1, samples)]


def _mixture(
    root: PathLike, part: str, number: int, pair: tuple[Piece, Piece], snr: int
) -> Mixture:
    voice, background = (piece.read().astype(np.float64) for piece in pair)
    gains = np.array([1.0, 10 ** (-snr / 20)]) / [_rms(voice), _rms(background)]
    gains *= PEAK / np.abs(gains[0] * voice + gains[1] * background).max()
    paths = [Path(piece.clip.path).relative_to(Path(root) / part).as_posix() for piece in pair]
    return mixture_of_two(
        f"pair_{number:02d}_{snr:+03d}dB", snr,
        paths[0], pair[0].start, float(f"{gains[0]:.8g}"),
        paths[1], pair[1].start, float(f"{gains[1]:.8g}"), pair[0].samples,
    )


def _rms(waveform: FloatArray) -> float:
    return float(np.sqrt(np.mean(np.square(waveform))))
