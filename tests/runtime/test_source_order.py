"""Source order on real speech, by a network whose order is made random from chunk to chunk."""

from pathlib import Path

import pytest

from fqss_tf.evaluation.seams import bundled_voices, score_seams, unchanged_order
from fqss_tf.runtime.chunking import default_overlap, separate_in_chunks
from fqss_tf.runtime.engine import Engine

MODEL = Path(__file__).parents[2] / "tflite_models" / "two-voices.tflite"
SAMPLES = 60 * 8000


def score(mixtures):
    """The network itself keeps its order: its chunks as they come say what the order is."""
    engine = Engine(MODEL)
    segment = engine.metadata.segment
    overlap = default_overlap(segment)

    def in_its_own_order(mixture):
        return separate_in_chunks(mixture, engine.forward, segment, overlap, order=unchanged_order)

    return score_seams(
        engine.forward, segment, in_its_own_order, SAMPLES, mixtures, bundled_voices()
    )


def assert_kept(mixtures):
    found = score(mixtures)
    assert found.seams == mixtures * 19
    assert found.swapped == 0
    assert found.swapped_plainly > found.seams / 3
    assert found.largest_difference < 0.001


def test_the_order_of_the_sources_is_kept_over_minutes():
    assert_kept(3)


@pytest.mark.slow
def test_the_order_of_the_sources_is_kept_over_twenty_minutes():
    assert_kept(20)
