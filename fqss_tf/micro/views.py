"""Where the bytes of each tensor lie: many tensors are a part of another, and need no copy.

A reshape is its input. A slice of whole rows is a part of its input. What a concatenation of whole
rows joins is written where it will be joined; if that begins with a state, the state lies there
from step to step, and its next value is moved there from behind.
"""

import dataclasses

from fqss_tf.errors import FqssError
from fqss_tf.micro.graph import Op, State, StepGraph
from fqss_tf.micro.moves import concatenation_axis, outer, require_same_grid, row, slice_of

MOVES = ("CONCATENATION", "RESHAPE", "SLICE", "STRIDED_SLICE")


@dataclasses.dataclass(frozen=True)
class Place:
    """Bytes from ``offset`` on in the memory of the tensor ``storage``."""

    storage: int
    offset: int


@dataclasses.dataclass(frozen=True)
class Views:
    """Places of the tensors that are a part of another."""

    places: dict[int, Place]

    def place(self, tensor: int) -> Place:
        """Returns where a tensor lies in the end."""
        place = Place(tensor, 0)
        while place.storage in self.places:
            further = self.places[place.storage]
            place = Place(further.storage, further.offset + place.offset)
        return place


def find_views(graph: StepGraph) -> Views:
    """Finds the tensors that are a part of another.

    Raises:
        FqssError: an op moves bytes in a way that plain C has not, or a state is not the end of the
            concatenation that it begins.
    """
    for state in graph.states:
        _check_state(graph, state)
    updates = {state.output for state in graph.states}
    views = Views({})
    states = {state.input for state in graph.states}
    for op in graph.ops:
        if op.name == "RESHAPE":
            require_same_grid(op, op.inputs[0])
            if op.inputs[0].bytes != op.output.bytes:
                op.refuse("changes the number of elements")
            views.places[op.output.index] = Place(op.inputs[0].index, 0)
        elif op.name in ("SLICE", "STRIDED_SLICE"):
            cut = slice_of(op)
            source = op.inputs[0]
            if outer(source.shape, cut.axis) == 1 and op.output.index not in updates:
                offset = cut.begin * row(source.shape, cut.axis + 1)
                views.places[op.output.index] = Place(source.index, offset)
        elif op.name == "CONCATENATION":
            _join(graph, views, op, states)
    return views


def is_in_place(views: Views, op: Op, position: int) -> bool:
    """Returns whether an input of a concatenation lies where it is joined already."""
    axis = concatenation_axis(op)
    offset = sum(row(tensor.shape, axis) for tensor in op.inputs[:position])
    whole = views.place(op.output.index)
    there = Place(whole.storage, whole.offset + offset)
    return outer(op.output.shape, axis) == 1 and views.place(op.inputs[position].index) == there


def _join(graph: StepGraph, views: Views, op: Op, states: set[int]) -> None:
    axis = concatenation_axis(op)
    if outer(op.output.shape, axis) != 1:
        return
    offset = 0
    for position, tensor in enumerate(op.inputs):
        producer = graph.producer.get(tensor.index)
        is_new = producer is not None and producer.name not in MOVES
        begins_a_state = position == 0 and tensor.index in states
        if (is_new or begins_a_state) and tensor.index not in views.places:
            views.places[tensor.index] = Place(op.output.index, offset)
        offset += tensor.bytes


def _check_state(graph: StepGraph, state: State) -> None:
    """Checks that a concatenation begins with a state and ends with the next one."""
    update = graph.producer.get(state.output)
    if update is None or update.name not in ("SLICE", "STRIDED_SLICE"):
        raise FqssError(
            f"{graph.path} is not for microcontrollers: the state {state.name} is no slice"
        )
    cut = slice_of(update)
    whole = update.inputs[0]
    concatenation = graph.producer.get(whole.index)
    if (
        concatenation is None
        or concatenation.name != "CONCATENATION"
        or concatenation.inputs[0].index != state.input
        or concatenation_axis(concatenation) != cut.axis
        or cut.begin + cut.size != whole.shape[cut.axis]
    ):
        raise FqssError(
            f"{graph.path} is not for microcontrollers: the state {state.name} is not the end of "
            "a concatenation that it begins"
        )
