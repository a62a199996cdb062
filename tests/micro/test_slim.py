import dataclasses

import numpy as np
import pytest

from fqss_tf.micro.golden import reference_steps, speech
from fqss_tf.micro.slim import slim
from fqss_tf.tflite.file import TfliteFile


@pytest.fixture(scope="module")
def slimmed(shipped):
    return TfliteFile("slim.tflite", slim(shipped))


def test_the_slim_file_computes_the_same_bits(shipped, slimmed):
    mixture = speech(shipped.metadata, 20)
    for whole, less in zip(
        reference_steps(shipped, mixture), reference_steps(slimmed, mixture), strict=True
    ):
        for expected, found in zip(
            [*whole.stages, *whole.states], [*less.stages, *less.states], strict=True
        ):
            assert np.array_equal(expected, found)


def test_any_number_of_sources_hears_speech(shipped):
    three = dataclasses.replace(shipped.metadata, sources=("a", "b", "c"))
    assert np.abs(speech(three, 20)).max() > 10_000


def test_each_state_is_taken_right_behind_its_concatenation(slimmed):
    states = set(slimmed.metadata.states)
    outputs = {
        entry.tensorIndex for entry in slimmed.model.signatureDefs[0].outputs
        if entry.name.decode() in states
    }
    operators = slimmed.model.subgraphs[0].operators
    updates = [number for number, op in enumerate(operators) if op.outputs[0] in outputs]
    assert len(updates) == len(states)
    for number in updates:
        assert operators[number].inputs[0] == operators[number - 1].outputs[0]


def test_a_tenth_of_the_file_is_gone(shipped, slimmed):
    assert len(slimmed.content) < 0.9 * len(shipped.content)
    assert slimmed.metadata == shipped.metadata


def test_slimming_twice_changes_nothing(slimmed):
    assert slim(slimmed) == slimmed.content
