"""Which ops of a .tflite XNNPACK takes, read from the graph that LiteRT makes of the file."""

import collections
import dataclasses
from collections.abc import Iterable, Sequence

from ai_edge_litert.interpreter import Interpreter

from fqss_tf.errors import FqssError
from fqss_tf.tflite.file import TfliteFile
from fqss_tf.types import Json


@dataclasses.dataclass(frozen=True)
class Delegation:
    """Who computes each op of the first graph.

    ``partition_of_op``: for each op, in file order, the number of its XNNPACK partition, counted
    from 1, or None for an op that LiteRT's own kernels compute.
    """

    partition_of_op: tuple[int | None, ...]
    partitions: int

    @property
    def taken(self) -> int:
        """Number of ops inside a partition."""
        return sum(partition is not None for partition in self.partition_of_op)

    def left_out(self, names: Iterable[str]) -> dict[str, int]:
        """Counts the ops of each name that stay outside.

        Args:
            names: the op names, in file order.

        Returns:
            Dict name -> count, most frequent first.
        """
        outside = (
            name
            for name, partition in zip(names, self.partition_of_op, strict=False)
            if partition is None
        )
        return dict(collections.Counter(outside).most_common())


def delegation(file: TfliteFile) -> Delegation:
    """Lets LiteRT prepare a model on this machine's CPU and reads who computes which op.

    Raises:
        FqssError: LiteRT cannot prepare the model, for example for want of a kernel.
    """
    try:
        interpreter = Interpreter(model_content=file.content)
        ops = len(interpreter._get_ops_details())
        interpreter.allocate_tensors()
        details = interpreter._get_ops_details()
    except (RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise FqssError(f"{file.path} cannot be run by LiteRT: {reason}") from error
    partition_of_op: dict[int, int] = {}
    for partition, delegate in enumerate(details[ops:], 1):
        for index in _members(details[:ops], delegate):
            partition_of_op[index] = partition
    return Delegation(tuple(map(partition_of_op.get, range(ops))), len(details) - ops)


def _members(ops: Sequence[Json], delegate: Json) -> set[int]:
    """Indices of the ops that a delegate's node stands for.

    LiteRT keeps the ops in its list and appends one node a partition. That node's outputs are the
    tensors of the partition that are read outside, its inputs those that are made outside. So the
    partition is all that lies on the ways back from its outputs to its inputs.
    """
    producer = {int(tensor): op for op in ops for tensor in op["outputs"]}
    border = set(map(int, delegate["inputs"]))
    members: set[int] = set()
    unseen = [int(tensor) for tensor in delegate["outputs"]]
    while unseen:
        tensor = unseen.pop()
        op = producer.get(tensor)
        if tensor in border or op is None or op["index"] in members:
            continue
        members.add(op["index"])
        unseen += map(int, op["inputs"])
    return members
