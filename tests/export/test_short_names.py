import pytest

from fqss_tf.export.short_names import with_short_names
from fqss_tf.tflite.flatbuffer import pack_model, read_model


@pytest.fixture
def constants(tiny_tflite):
    """(model, its graph, indices of its constants)."""
    model = read_model(tiny_tflite.read_bytes())
    graph = model.subgraphs[0]
    computed = {int(index) for operator in graph.operators for index in operator.outputs}
    computed |= {int(index) for index in graph.inputs}
    return model, graph, [index for index in range(len(graph.tensors)) if index not in computed]


def names(content):
    return [tensor.name for tensor in read_model(content).subgraphs[0].tensors]


def test_a_constant_keeps_its_first_name_and_all_others_theirs(constants):
    model, graph, indices = constants
    for tensor in graph.tensors:
        tensor.name += b";folded;too"
    content = pack_model(model)
    before, after = names(content), names(with_short_names(content))
    for index, (old, new) in enumerate(zip(before, after, strict=True)):
        assert new == (old.removesuffix(b";folded;too") if index in indices else old)
    assert len(with_short_names(content)) < len(content)


def test_no_two_constants_get_one_name(constants):
    model, graph, (first, second, *_) = constants
    graph.tensors[first].name, graph.tensors[second].name = b"kernel;a", b"kernel;b"
    after = names(with_short_names(pack_model(model)))
    assert (after[first], after[second]) == (b"kernel", b"kernel;b")
