"""A stream whose level changes, and what the streaming runtime makes of it."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from fqss_tf.micro.golden import speech
from fqss_tf.runtime.level_envelope import StreamLevel
from fqss_tf.runtime.levelling import (
    FULL_SCALE,
    from_full_scale_int16,
    in_steps,
    to_full_scale_int16,
)
from fqss_tf.tflite.metadata import Metadata

# (seconds, peak, offset in 16-bit steps). The first loud one is more than a second before the next.
PASSAGES = (
    (0.15, 0.01, 150),  # quiet
    (0.15, 0.7, 150),  # loud
    (0.25, 0.0, 0),  # silent
    (0.9, 0.0009, 0),  # less than -60 dBFS
    (0.1, 1.2, -40),  # suddenly loud, and clipped
    (0.15, 0.1, -40),
)


@dataclasses.dataclass(frozen=True)
class LevelStream:
    """A stream and its level, all int16 [steps * step].

    Attributes:
        sound: as a microphone gives it.
        mixture: the same at full scale.
        estimate: what becomes of an estimate that equals ``mixture``.
    """

    sound: NDArray[np.int16]
    mixture: NDArray[np.int16]
    estimate: NDArray[np.int16]


def level_stream(metadata: Metadata) -> LevelStream:
    """Returns the stream of a model's rate, step and delay."""
    sound = changing_speech(metadata)
    mixture, levels = at_full_scale(metadata, sound)
    return LevelStream(sound, mixture, from_full_scale_int16(mixture, levels))


def at_full_scale(
    metadata: Metadata, sound: NDArray[np.int16]
) -> tuple[NDArray[np.int16], NDArray[np.float64]]:
    """Returns a stream at full scale, and the levels that undo it, both [steps * step].

    The levels are those of estimates, and so come as late as estimates do; before the stream they
    are 0.

    Args:
        metadata: of the model.
        sound: int16 [steps * step].
    """
    levels_of = StreamLevel(metadata.sample_rate / metadata.segment)
    mixtures, levels = [], [np.zeros(metadata.algorithmic_delay or 0)]
    for samples in sound.reshape(-1, metadata.segment):
        centered, of_samples = levels_of(in_steps(samples))
        mixtures.append(to_full_scale_int16(centered, of_samples))
        levels.append(of_samples)
    return np.concatenate(mixtures), np.concatenate(levels)[: len(sound)]


def changing_speech(metadata: Metadata, rounds: int = 1) -> NDArray[np.int16]:
    """Returns bundled mixtures whose level and offset change: int16 [steps * step].

    Args:
        metadata: of the model.
        rounds: how often the passages follow each other, each time with other speech.
    """
    passages = PASSAGES * rounds
    steps_per_second = metadata.sample_rate / metadata.segment
    ends = np.cumsum([max(1, round(seconds * steps_per_second)) for seconds, _, _ in passages])
    pieces = np.split(speech(metadata, int(ends[-1])), ends[:-1] * metadata.segment)
    changed = [
        np.round(piece * (peak * FULL_SCALE / max(1, np.abs(piece).max())) + offset)
        for piece, (_, peak, offset) in zip(pieces, passages, strict=True)
    ]
    return np.clip(np.concatenate(changed), -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)


def level_bytes(metadata: Metadata) -> int:
    """Returns the memory that the level takes in C: that of its struct in level.h."""
    steps = metadata.sample_rate // metadata.segment + 1
    samples = metadata.segment + (metadata.algorithmic_delay or 0)
    return 8 * steps + -(-(2 * samples + 4) // 4) * 4 + 8
