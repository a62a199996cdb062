import json
from types import SimpleNamespace

import pytest

from fqss_tf.benchmark import profiler
from fqss_tf.benchmark.op_times import KindTime, NodeTime, OpTimes, op_times, trace
from fqss_tf.benchmark.profiler import OpEvent, profile
from fqss_tf.errors import FqssError
from fqss_tf.tflite import TfliteFile
from fqss_tf.tflite.delegation import Delegation, delegation


@pytest.fixture(scope="module")
def convolutions(tmp_path_factory):
    """float32: convolution, CUMSUM (no XNNPACK), depthwise and 1x1 convolution, padding between."""
    import numpy as np
    import tensorflow as tf

    ones = np.ones

    @tf.function(input_signature=[tf.TensorSpec([1, 1, 64, 4])])
    def network(signal):
        wide = tf.nn.relu(tf.nn.conv2d(signal, ones([1, 3, 4, 8], np.float32), 1, "SAME"))
        total = tf.pad(tf.cumsum(wide, axis=2), [[0, 0], [0, 0], [2, 0], [0, 0]])
        deep = tf.nn.depthwise_conv2d(
            total, ones([1, 3, 8, 1], np.float32), [1, 1, 1, 1], "VALID"
        )
        return tf.nn.conv2d(deep, ones([1, 1, 8, 16], np.float32), 1, "SAME")

    converter = tf.lite.TFLiteConverter.from_concrete_functions([network.get_concrete_function()])
    path = tmp_path_factory.mktemp("models") / "convolutions.tflite"
    path.write_bytes(converter.convert())
    return path


@pytest.mark.parametrize("model", ["mixed_tflite", "convolutions", "tiny_int16_tflite"])
def test_the_profiler_sees_outside_xnnpack_what_the_delegated_graph_has_there(model, request):
    path = request.getfixturevalue(model)
    taken = delegation(TfliteFile.open(path))
    names = [op.name for op in TfliteFile.open(path).report.ops]
    found = profile(path, threads=1, runs=3)
    assert len(found.invocations) == len(found.milliseconds) == 3
    for events in found.invocations:
        outside = [(event.index, event.name) for event in events if not event.in_xnnpack]
        assert outside == [
            (index, name) for index, name in enumerate(names)
            if taken.partition_of_op[index] is None
        ]
        assert any(event.in_xnnpack for event in events) == bool(taken.partitions)


def test_ops_take_no_more_than_the_invocation_they_are_in(convolutions):
    found = profile(convolutions, threads=2, runs=5)
    for events, whole in zip(found.invocations, found.milliseconds, strict=True):
        assert 0 <= sum(event.milliseconds for event in events) <= whole


def test_convolutions_are_traced_to_the_file(convolutions):
    times = op_times(convolutions, threads=1, runs=3)
    ops = {op.index: op for op in TfliteFile.open(convolutions).report.ops}
    traced = [node.op.index for node in times.nodes if node.macs]
    assert traced == [index for index, op in ops.items() if op.macs]
    for node in times.nodes:
        if node.macs:
            assert ("DWConv" in node.name) == (node.op.name == "DEPTHWISE_CONV_2D")
            assert node.partition is not None
    (cumsum,) = (node for node in times.nodes if node.partition is None)
    assert (cumsum.name, cumsum.op.name) == ("CUMSUM", "CUMSUM")
    assert sorted({node.partition for node in times.nodes} - {None}) == [1, 2]
    assert 0 <= times.covered <= 1


def test_the_dict_is_json_and_adds_up(convolutions):
    plain = json.loads(json.dumps(op_times(convolutions, threads=1, runs=2).to_dict()))
    total = TfliteFile.open(convolutions).report.macs
    for rows in (plain["kinds"], plain["nodes"]):
        assert sum(row["macs"] for row in rows) == total
        assert sum(row["milliseconds"] for row in rows) == pytest.approx(plain["milliseconds"])
    assert sum(row["count"] for row in plain["kinds"]) == len(plain["nodes"])


def test_a_model_that_litert_refuses_is_named(unknown_op_tflite):
    with pytest.raises(FqssError, match="unknown_op.tflite cannot be run: .*fails with status"):
        profile(unknown_op_tflite, threads=1, runs=1)


def events(*ops):
    return [OpEvent(name, index, in_xnnpack, 1.0) for name, index, in_xnnpack in ops]


def op(index, name, macs=0):
    return SimpleNamespace(index=index, name=name, macs=macs)


FILE = SimpleNamespace(ops=[
    op(0, "CONV_2D", 10), op(1, "RSQRT"), op(2, "PAD"), op(3, "CONV_2D", 20), op(4, "CONV_2D", 30),
])
TAKEN = Delegation((1, None, 2, 2, 2), 2)


def test_a_partition_begins_where_xnnpack_counts_anew():
    executed = events(
        ("Convolution A", 0, True), ("RSQRT", 1, False), ("Convolution B", 0, True),
        ("Clamp", 1, True), ("Fully Connected C", 2, True),
    )
    nodes = trace(executed, [1.0] * 5, FILE, TAKEN)
    assert [node.partition for node in nodes] == [1, None, 2, 2, 2]
    assert [node.op and node.op.index for node in nodes] == [0, 1, 3, None, 4]


def test_two_partitions_may_follow_each_other():
    executed = events(("Convolution A", 0, True), ("Convolution B", 0, True))
    nodes = trace(executed, [1.0] * 2, FILE, Delegation((1, 2, 2, 2, None), 2))
    assert [node.partition for node in nodes] == [1, 2]


def test_a_partition_with_another_number_of_convolutions_is_not_traced():
    executed = events(
        ("Convolution A", 0, True), ("RSQRT", 1, False), ("Convolution B", 0, True),
    )
    nodes = trace(executed, [1.0] * 3, FILE, TAKEN)
    assert [node.op and node.op.index for node in nodes] == [0, 1, None]
    assert [node.macs for node in nodes] == [10, 0, 0]


def test_kinds_are_sums_slowest_first():
    times = OpTimes((
        NodeTime("Add", 1, 1.0), NodeTime("Conv", 1, 5.0, op(0, "CONV_2D", 7)),
        NodeTime("Add", 2, 1.5), NodeTime("Add", None, 0.5, op(1, "ADD")),
    ), 0.9)
    assert times.kinds == [
        KindTime("Conv", True, 1, 5.0, 7),
        KindTime("Add", True, 2, 2.5, 0),
        KindTime("Add", False, 1, 0.5, 0),
    ]
    assert [times.share(kind) for kind in times.kinds] == [5 / 8, 2.5 / 8, 0.5 / 8]


def test_ops_below_the_resolution_have_no_share():
    times = OpTimes((NodeTime("Add", 1, 0.0),), 0.0)
    assert times.share(times.nodes[0]) == 0


class FakeModel:
    """Records one invocation less than it runs."""

    def __init__(self, path, threads):
        self._events = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def run(self):
        whole = SimpleNamespace(tag=b"Invoke", type=1)
        single = SimpleNamespace(tag=b"ADD", type=2, index=0, elapsed_us=5)
        self._events += [whole, single]

    def start_profiler(self):
        self._events = []

    def events(self):
        return self._events[2:]


def test_a_profiler_that_counts_otherwise_is_refused(monkeypatch):
    monkeypatch.setattr(profiler, "_CompiledModel", FakeModel)
    with pytest.raises(FqssError, match="profiler of LiteRT .* reports 2 invocations for 3"):
        profiler._serve(None, "a.tflite", 1, 3)
