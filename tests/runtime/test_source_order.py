"""Source order on real speech, by a network whose order is made random from chunk to chunk."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

import fqss_tf
from fqss_tf.audio import peak_gain
from fqss_tf.runtime import chunking
from fqss_tf.runtime.chunking import default_overlap, separate_in_chunks
from fqss_tf.runtime.engine import Engine

SPEECH = Path(fqss_tf.__file__).parent / "bundled" / "speech"
MODEL = Path(__file__).parents[2] / "tflite_models" / "fqss_int8.tflite"
SAMPLES = 60 * 8000


def voices():
    """Speaker -> clips, of the speech that was not trained on."""
    clips = {}
    for path in sorted(path for part in ("dev", "test") for path in SPEECH.glob(f"{part}/*/*")):
        clips.setdefault(path.parent, []).append(soundfile.read(path, dtype="float32")[0])
    return list(clips.values())


def mixture(generator, clips):
    """A minute of two voices, each by clips in random order, within 5 dB of each other."""
    total = np.zeros(SAMPLES, np.float32)
    for speaker in generator.choice(len(clips), 2, replace=False):
        voice = np.zeros(0, np.float32)
        while len(voice) < SAMPLES:
            voice = np.concatenate([voice, clips[speaker][generator.integers(len(clips[speaker]))]])
        level = 10 ** (generator.uniform(-2.5, 2.5) / 20)
        total += level * voice[:SAMPLES] / np.sqrt(np.mean(voice[:SAMPLES] ** 2))
    return total * peak_gain(total)


class Shuffled:
    """A network that was run before, with the sources of each chunk but the first in any order."""

    def __init__(self, estimates, generator):
        self._estimates = iter(estimates)
        self._generator = generator
        self.orders = []

    def __call__(self, _):
        self.orders.append(self._generator.permutation(2) if self.orders else np.arange(2))
        return next(self._estimates)[self.orders[-1]]


def joined_in_order_given(estimates, signal, segment):
    """What a plain chunker makes of them: every source goes on where it stands."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunking, "_matching_order", lambda before, after: range(len(after)))
        return separate_in_chunks(
            signal, lambda _: next(estimates), segment, default_overlap(segment)
        )


def swaps(mixtures):
    """In how many mixtures the order changes on the way, and in how many it would otherwise.

    The network itself keeps its order. So no source may be moved of what it gives, and all must be
    moved back of what was shuffled.
    """
    engine, clips = Engine(MODEL), voices()
    segment = engine.metadata.segment
    moved = left = shuffled_mixtures = seams = 0
    for seed in range(mixtures):
        generator = np.random.default_rng(seed)
        signal = mixture(generator, clips)
        estimates = []

        def forward(chunk, estimates=estimates):
            estimates.append(engine.forward(chunk))
            return estimates[-1]

        joined = separate_in_chunks(signal, forward, segment, default_overlap(segment))
        expected = joined_in_order_given(iter(estimates), signal, segment)
        shuffled = Shuffled(estimates, generator)
        put_back = separate_in_chunks(signal, shuffled, segment, default_overlap(segment))
        moved += not np.array_equal(joined, expected)
        left += not np.array_equal(put_back, expected)
        shuffled_mixtures += any(order[0] != 0 for order in shuffled.orders)
        seams += len(estimates) - 1
    return {"moved": moved, "left": left, "shuffled": shuffled_mixtures, "seams": seams}


def test_the_order_of_the_sources_is_kept_over_minutes():
    assert swaps(4) == {"moved": 0, "left": 0, "shuffled": 4, "seams": 4 * 39}


@pytest.mark.slow
def test_the_order_of_the_sources_is_kept_over_a_hundred_minutes():
    assert swaps(100) == {"moved": 0, "left": 0, "shuffled": 100, "seams": 100 * 39}
