"""TFLite Micro on this computer, where it is installed."""

import copy

import numpy as np
import pytest

from fqss_tf.errors import FqssError
from fqss_tf.micro.golden import reference_steps, speech
from fqss_tf.micro.graph import read_graph
from fqss_tf.micro.slim import slim
from fqss_tf.micro.tflm_check import check_in_tflm
from fqss_tf.tflite.file import TfliteFile
from fqss_tf.tflite.flatbuffer import pack_model

runtime = pytest.importorskip("tflite_micro").runtime
STEPS = 50


@pytest.fixture(scope="module")
def file(shipped):
    return TfliteFile("slim.tflite", slim(shipped))


@pytest.fixture(scope="module")
def golden(file):
    return list(reference_steps(file, speech(file.metadata, STEPS)))


def test_all_stages_and_states_are_those_of_the_reference_kernels(file, golden):
    arena = check_in_tflm(file.content, read_graph(file), golden)
    assert arena.total == arena.head + arena.tail
    assert 100_000 < arena.head < 140_000


def test_a_slim_file_needs_less_memory(file, shipped, golden):
    whole = check_in_tflm(shipped.content, read_graph(shipped), golden[:2])
    assert check_in_tflm(file.content, read_graph(file), golden[:2]).head < 0.8 * whole.head


def test_one_flipped_weight_is_found(file, golden):
    model = copy.deepcopy(file.model)
    largest = max(model.buffers, key=lambda buffer: 0 if buffer.data is None else len(buffer.data))
    largest.data = np.array(largest.data)
    largest.data[0] ^= 0x40
    with pytest.raises(FqssError, match="in TFLM .* values of .* differ"):
        check_in_tflm(pack_model(model), read_graph(file), golden)


def test_one_flipped_golden_bit_is_found(file, golden):
    wrong = copy.deepcopy(golden)
    wrong[3].states[-1].flat[0] ^= 1
    with pytest.raises(FqssError, match="1 values of .* in step 3"):
        check_in_tflm(file.content, read_graph(file), wrong)


def test_states_copied_straight_from_output_to_input_are_wrong(file, golden):
    graph = read_graph(file)
    interpreter = runtime.Interpreter.from_bytes(file.content)
    for state in graph.states:
        tensor = graph.tensors[state.input]
        silence = np.full(tensor.shape, tensor.zero_point, np.int8)
        interpreter.set_input(silence, graph.inputs.index(state.input))
    wrong = 0
    for step in golden:
        interpreter.set_input(step.mixture[None, None], graph.inputs.index(graph.mixture))
        interpreter.invoke()
        stage = interpreter.get_output(graph.outputs.index(graph.stages[0]))
        wrong += not np.array_equal(stage[0, :, :, 0], step.stages[0])
        for state in graph.states:
            value = interpreter.get_output(graph.outputs.index(state.output))
            interpreter.set_input(value, graph.inputs.index(state.input))
    assert wrong > STEPS // 2
