"""Where each tensor lies in the arena: states for ever, the others while they are needed."""

import dataclasses
from collections.abc import Sequence

from fqss_tf.micro.call import Call
from fqss_tf.micro.graph import StepGraph
from fqss_tf.micro.views import Views

ALIGNMENT = 8


@dataclasses.dataclass(frozen=True)
class Memory:
    """Offsets in an arena of ``bytes``, of which ``kept`` at its start last from step to step.

    ``offsets`` are those of the storages of ``views``, ``scratches`` those that calls use while
    they run, by the number of the call.
    """

    views: Views
    offsets: dict[int, int]
    scratches: dict[int, int]
    bytes: int
    kept: int

    def offset(self, tensor: int) -> int:
        """Returns where a tensor lies, in bytes from the start of the arena."""
        place = self.views.place(tensor)
        return self.offsets[place.storage] + place.offset


@dataclasses.dataclass(frozen=True)
class _Block:
    size: int
    first: int
    last: int
    storage: int | None = None
    call: int | None = None


def plan_memory(graph: StepGraph, views: Views, calls: Sequence[Call]) -> Memory:
    """Plans the arena: the largest block first, each at the lowest place that is free for it."""
    kept = list(dict.fromkeys(views.place(state.input).storage for state in graph.states))
    offsets: dict[int, int] = {}
    top = 0
    for storage in kept:
        offsets[storage] = top
        top = _aligned(top + graph.tensors[storage].bytes)
    placed: list[tuple[int, _Block]] = []
    scratches: dict[int, int] = {}
    blocks = _blocks(graph, views, calls, set(kept))
    for block in sorted(blocks, key=lambda block: (-block.size, block.first)):
        offset = _lowest(block, placed, top)
        placed.append((offset, block))
        if block.storage is not None:
            offsets[block.storage] = offset
        if block.call is not None:
            scratches[block.call] = offset
    end = max([top, *(_aligned(offset + block.size) for offset, block in placed)])
    return Memory(views, offsets, scratches, end, top)


def _blocks(
    graph: StepGraph, views: Views, calls: Sequence[Call], kept: set[int]
) -> list[_Block]:
    """The times, in calls, of all that is not kept."""
    end = len(calls)
    times: dict[int, list[int]] = {views.place(graph.mixture).storage: [-1]}
    for stage in graph.stages:
        times.setdefault(views.place(stage).storage, []).append(end)
    for number, call in enumerate(calls):
        for tensor in (*call.reads, call.writes):
            times.setdefault(views.place(tensor).storage, []).append(number)
    blocks = [
        _Block(graph.tensors[storage].bytes, min(when), max(when), storage=storage)
        for storage, when in times.items() if storage not in kept
    ]
    return blocks + [
        _Block(call.scratch, number, number, call=number)
        for number, call in enumerate(calls) if call.scratch
    ]


def _lowest(block: _Block, placed: list[tuple[int, _Block]], bottom: int) -> int:
    offset = bottom
    for other_offset, other in sorted(placed, key=lambda pair: pair[0]):
        if other.first > block.last or other.last < block.first:
            continue
        if offset + block.size <= other_offset:
            break
        offset = max(offset, _aligned(other_offset + other.size))
    return offset


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
