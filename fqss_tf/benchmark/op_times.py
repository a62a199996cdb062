"""Profiled ops of a model, added up: by node, by kind of op."""

import dataclasses
import statistics
from collections.abc import Sequence

from fqss_tf.benchmark.profiler import OpEvent, profile
from fqss_tf.tflite.delegation import Delegation, delegation
from fqss_tf.tflite.file import FileLike, TfliteFile
from fqss_tf.tflite.op_report import Op, Report
from fqss_tf.types import Json

# How XNNPACK's names of convolutions and matrix products begin.
MAC_KERNELS = ("Convolution", "Deconvolution", "Fully Connected", "Batch Matrix Multiply")


@dataclasses.dataclass(frozen=True)
class NodeTime:
    """One op as it was executed.

    ``partition``: of XNNPACK, counted from 1; None for LiteRT's own kernel. ``op`` is the op of the
    file, None where XNNPACK's op cannot be traced to one. ``milliseconds``: median.
    """

    name: str
    partition: int | None
    milliseconds: float
    op: Op | None = None

    @property
    def macs(self) -> int:
        """Multiply-accumulates; 0 where the op cannot be traced to the file."""
        return self.op.macs if self.op is not None else 0


@dataclasses.dataclass(frozen=True)
class KindTime:
    """All ops of a name. ``macs`` is their sum, 0 where they cannot be traced to the file."""

    name: str
    in_xnnpack: bool
    count: int
    milliseconds: float
    macs: int


@dataclasses.dataclass(frozen=True)
class OpTimes:
    """The ops of a model with their times.

    ``covered``: the part of an invocation that its ops take, from 0 to 1, median over the
    invocations. Between them lies LiteRT's own work, and an op's time is cut to microseconds.
    """

    nodes: tuple[NodeTime, ...]
    covered: float

    @property
    def milliseconds(self) -> float:
        """Sum of the nodes, in ms."""
        return sum(node.milliseconds for node in self.nodes)

    @property
    def kinds(self) -> list[KindTime]:
        """A KindTime for each name, slowest first."""
        groups: dict[tuple[str, bool], list[NodeTime]] = {}
        for node in self.nodes:
            groups.setdefault((node.name, node.partition is not None), []).append(node)
        kinds = [
            KindTime(
                name, in_xnnpack, len(nodes), sum(node.milliseconds for node in nodes),
                sum(node.macs for node in nodes),
            )
            for (name, in_xnnpack), nodes in groups.items()
        ]
        return sorted(kinds, key=lambda kind: -kind.milliseconds)

    def to_dict(self) -> Json:
        """Gives times, shares of the ops' sum, kinds and nodes as plain values, for JSON."""
        return {
            "milliseconds": self.milliseconds,
            "covered": self.covered,
            "kinds": [
                dataclasses.asdict(kind) | {"share": self.share(kind)} for kind in self.kinds
            ],
            "nodes": [
                {
                    "name": node.name,
                    "xnnpack_partition": node.partition,
                    "milliseconds": node.milliseconds,
                    "share": self.share(node),
                    "op": None if node.op is None else node.op.index,
                    "macs": node.macs,
                }
                for node in self.nodes
            ],
        }

    def share(self, part: NodeTime | KindTime) -> float:
        """Computes a node's or kind's part of the ops' sum, from 0 to 1."""
        return self.share_of_time(part.milliseconds)

    def share_of_time(self, milliseconds: float) -> float:
        """Computes what part of the ops' sum this is; 0 if all ops took less than a microsecond."""
        return milliseconds / self.milliseconds if self.milliseconds else 0.0


def op_times(file: FileLike, threads: int, runs: int) -> OpTimes:
    """Profiles a .tflite.

    Args:
        file: the file, open already or by its path.
        threads: CPU threads.
        runs: profiled invocations.

    Returns:
        An :class:`OpTimes`.

    Raises:
        FqssError: LiteRT cannot run or profile the model.
    """
    file = TfliteFile.open(file)
    found = profile(file.path, threads, runs)
    medians = [
        statistics.median(event.milliseconds for event in same)
        for same in zip(*found.invocations, strict=True)
    ]
    nodes = trace(found.invocations[0], medians, file.report, delegation(file))
    covered = statistics.median(
        sum(event.milliseconds for event in events) / whole
        for events, whole in zip(found.invocations, found.milliseconds, strict=True)
    )
    return OpTimes(tuple(nodes), covered)


def trace(
    events: Sequence[OpEvent], milliseconds: Sequence[float], report: Report, taken: Delegation
) -> list[NodeTime]:
    """Finds for the executed ops those of the file.

    Outside XNNPACK the profiler gives the index in the file. Inside, XNNPACK counts its own ops,
    of which there may be fewer or more: a PAD can vanish into a convolution, a quantization come
    along. But no convolution or matrix product vanishes, and their order stays: where a partition
    has as many of them as the file has there, the n-th is the n-th.

    Args:
        events: OpEvents of one invocation.
        milliseconds: of each event.
        report: op report of the file.
        taken: its Delegation.

    Returns:
        List of NodeTimes.
    """
    nodes: list[NodeTime] = []
    partition = 0
    before: OpEvent | None = None
    for event, time in zip(events, milliseconds, strict=True):
        if not event.in_xnnpack:
            nodes.append(NodeTime(event.name, None, time, report.ops[event.index]))
        else:
            begins = before is None or not before.in_xnnpack or event.index <= before.index
            partition += begins
            nodes.append(NodeTime(event.name, partition, time))
        before = event
    for partition in range(1, taken.partitions + 1):
        kernels = [
            position for position, node in enumerate(nodes)
            if node.partition == partition and node.name.startswith(MAC_KERNELS)
        ]
        ops = [
            report.ops[index] for index, own in enumerate(taken.partition_of_op)
            if own == partition and report.ops[index].macs
        ]
        if len(kernels) == len(ops):
            for position, op in zip(kernels, ops, strict=True):
                nodes[position] = dataclasses.replace(nodes[position], op=op)
    return nodes
