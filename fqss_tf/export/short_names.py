"""Names of constants that take less room in a file."""

from fqss_tf.tflite.flatbuffer import pack_model, read_model


def with_short_names(tflite_bytes: bytes) -> bytes:
    """Returns the model with constants that have one name each.

    The converter joins the names of all ops that it folded into a constant, ``a;b;c``. In a small
    model that is a hundredth of the file. The first is left, unless another constant has it.

    Raises:
        FqssError: not a TFLite flatbuffer, or a damaged one.
    """
    model = read_model(tflite_bytes)
    for graph in model.subgraphs:
        computed = {int(index) for operator in graph.operators for index in operator.outputs}
        computed |= {int(index) for index in graph.inputs}
        taken = {tensor.name for tensor in graph.tensors}
        for index, tensor in enumerate(graph.tensors):
            first = tensor.name.split(b";")[0]
            if index not in computed and first not in taken:
                taken.add(first)
                tensor.name = first
    return pack_model(model)
