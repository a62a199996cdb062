"""Each op as calls of the functions of kernels.h."""

from collections.abc import Callable

from fqss_tf.micro.call import Call
from fqss_tf.micro.convolutions import conv, depthwise
from fqss_tf.micro.copies import cutting, joining, pad, update
from fqss_tf.micro.elementwise import add, look_up, multiply
from fqss_tf.micro.graph import Op, StepGraph
from fqss_tf.micro.lookup import is_function_of_one
from fqss_tf.micro.views import Views, is_in_place

CALLS: dict[str, Callable[[Op], list[Call]]] = {
    "ADD": add, "CONV_2D": conv, "DEPTHWISE_CONV_2D": depthwise, "MUL": multiply, "PAD": pad,
    "SUB": add,
}


def calls_of(graph: StepGraph, views: Views) -> list[list[Call]]:
    """Returns the calls of each op, and behind each those that bring states to the next step.

    Raises:
        FqssError: an op that plain C has not, or has not in this way.
    """
    calls = [_calls(graph, views, op) for op in graph.ops]
    for state in graph.states:
        op = graph.producer[state.output]
        last = max(
            reader.index
            for tensor in _tensors_there(graph, views, state.input)
            for reader in graph.readers.get(tensor, [])
        )
        calls[max(last, op.index)].append(update(op, state.input))
    return calls


def _tensors_there(graph: StepGraph, views: Views, tensor: int) -> list[int]:
    """Tensors that share the memory of one."""
    storage = views.place(tensor).storage
    return [
        other.index for other in graph.tensors if views.place(other.index).storage == storage
    ]


def _calls(graph: StepGraph, views: Views, op: Op) -> list[Call]:
    if is_function_of_one(op):
        return [look_up(op)]
    if op.name == "CONCATENATION":
        return [
            joining(op, position)
            for position in range(len(op.inputs)) if not is_in_place(views, op, position)
        ]
    if op.name in ("SLICE", "STRIDED_SLICE"):
        is_update = any(state.output == op.output.index for state in graph.states)
        is_view = op.output.index in views.places
        return [] if is_update or is_view else [cutting(op)]
    if op.name == "RESHAPE":
        return []
    if op.name not in CALLS:
        op.refuse("is an op that plain C has not")
    return CALLS[op.name](op)
