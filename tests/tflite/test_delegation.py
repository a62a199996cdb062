import pytest
from ai_edge_litert.interpreter import Interpreter

from fqss_tf.errors import FqssError
from fqss_tf.tflite import TfliteFile
from fqss_tf.tflite.delegation import delegation


@pytest.fixture(scope="module")
def mixed_model(mixed_tflite):
    return TfliteFile.open(mixed_tflite)


@pytest.fixture(scope="module")
def mixed(mixed_model):
    return delegation(mixed_model)


def names_and_partitions(file, taken):
    return {op.name: taken.partition_of_op[op.index] for op in file.report.ops}


def test_ops_before_and_behind_an_op_without_kernel_are_apart(mixed_model, mixed):
    partition = names_and_partitions(mixed_model, mixed)
    assert partition["CUMSUM"] is None
    assert partition["SIN"] == partition["TANH"] == partition["LOGISTIC"] != partition["MUL"]
    assert {partition["SIN"], partition["MUL"]} == {1, 2} == set(range(1, mixed.partitions + 1))
    assert mixed.taken == len(partition) - 1
    assert mixed.left_out(partition) == {"CUMSUM": 1}


def test_inner_tensors_have_no_memory_of_their_own(mixed_model, mixed):
    """LiteRT plans memory for what crosses a partition's border only: a second, direct look."""
    interpreter = Interpreter(model_content=mixed_model.content)
    interpreter.allocate_tensors()
    inner = set()
    for op in interpreter._get_ops_details():
        for tensor in op["outputs"]:
            try:
                interpreter.get_tensor(tensor)
            except ValueError:
                inner.add(op["op_name"])
    partition = names_and_partitions(mixed_model, mixed)
    assert inner == {"SIN"}
    assert partition["SIN"] is not None


def test_an_op_whose_result_is_only_read_beyond_the_border_belongs_to_its_partition(
    mixed_model, mixed
):
    assert names_and_partitions(mixed_model, mixed)["TANH"] == 1


def test_int16_activations_are_not_for_xnnpack(tiny_int16_tflite):
    taken = delegation(TfliteFile.open(tiny_int16_tflite))
    assert taken.partitions == taken.taken == 0
    assert set(taken.partition_of_op) == {None}


def test_a_whole_int8_model_is_one_partition(tiny_tflite):
    taken = delegation(TfliteFile.open(tiny_tflite))
    assert taken.partitions == 1
    assert set(taken.partition_of_op) == {1}
    assert taken.left_out(["any"] * taken.taken) == {}


def test_an_op_that_litert_has_not_is_an_error(unknown_op_tflite):
    file = TfliteFile.open(unknown_op_tflite)
    message = "unknown_op.tflite cannot be run by LiteRT: .*NoSuchOp"
    with pytest.raises(FqssError, match=message) as caught:
        delegation(file)
    assert "\n" not in str(caught.value)
