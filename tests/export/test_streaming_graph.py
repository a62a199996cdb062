import dataclasses
import json
import math

import numpy as np
import pytest

from fqss_tf.config import load_recipe
from fqss_tf.errors import FqssError
from fqss_tf.export.convert import check_fully_integer, convert
from fqss_tf.runs.untrained import UntrainedRun
from fqss_tf.runtime import StreamingSeparator
from fqss_tf.runtime.engine import Engine
from fqss_tf.tflite import TfliteFile
from fqss_tf.tflite.delegation import delegation
from fqss_tf.tflite.flatbuffer import read_model
from fqss_tf.tflite.op_report import conversion_ops, float_tensors
from fqss_tf.training.stages import train

WITH_WEIGHTS = ("CONV_2D", "DEPTHWISE_CONV_2D")


@pytest.fixture(scope="module")
def step(step_tflite):
    return TfliteFile.open(step_tflite).report


def states(report):
    return [tensor for tensor in report.inputs if tensor.name != "mixture"]


def weights_and_grids(path):
    """Of each convolution: the bytes of its constants, and the scales of all its tensors."""
    model = read_model(path.read_bytes())
    found = []
    for op in TfliteFile.open(path).report.ops:
        if op.name in WITH_WEIGHTS:
            constants = [tensor.buffer for tensor in op.inputs if tensor.constant_bytes]
            found.append((
                op.name,
                [bytes(model.buffers[buffer].data) for buffer in constants],
                [(tensor.scale, tensor.zero_point) for tensor in (*op.inputs, *op.outputs)],
            ))
    return found


def per_channel_scales(path):
    model = read_model(path.read_bytes())
    return sorted(
        tensor.quantization.scale.tobytes()
        for tensor in model.subgraphs[0].tensors
        if tensor.quantization is not None and tensor.quantization.scale is not None
        and len(tensor.quantization.scale) > 1
    )


def test_weights_and_scales_are_those_of_the_file_for_whole_segments(causal_tflite, step_tflite):
    whole = weights_and_grids(causal_tflite)
    assert len(whole) > 15
    assert weights_and_grids(step_tflite) == whole
    assert per_channel_scales(step_tflite) == per_channel_scales(causal_tflite)


def test_it_is_fully_integer_and_nothing_is_requantized(step):
    assert float_tensors(step) == [] and conversion_ops(step) == []
    joins = [op for op in step.ops if op.name in ("CONCATENATION", "STRIDED_SLICE")]
    assert len(joins) > len(states(step))
    for op in joins:
        data = [tensor for tensor in op.inputs if not tensor.constant_bytes]
        grids = {(tensor.scale, tensor.zero_point) for tensor in (*data, *op.outputs)}
        assert len(grids) == 1


def test_xnnpack_takes_every_op(step_tflite):
    taken = delegation(TfliteFile.open(step_tflite))
    assert (taken.taken, taken.partitions) == (len(taken.partition_of_op), 1)


def test_every_context_is_a_state_of_int8(step, causal_run):
    outputs = {tensor.name: tensor for tensor in step.outputs}
    sizes = {tensor.name: tensor.shape for tensor in states(step)}
    for tensor in states(step):
        assert tensor.dtype == "int8"
        returned = outputs[tensor.name]
        assert dataclasses.replace(returned, buffer=0) == dataclasses.replace(tensor, buffer=0)
    config = causal_run.config
    for block, dilation in enumerate(config.dilations):
        frames = (config.block_kernel - 1) * dilation
        assert sizes[f"block_{block}_depthwise_past"] == (1, 1, frames, config.hidden)
    assert sizes["encoder_0_past"] == sizes["encoder_1_past"] == (1, 1, 1, config.hop)
    assert sizes["decoder_0_past"] == (1, config.sources, 1, config.filters)


def test_the_sidecar_states_the_latency_and_the_states(step, step_tflite, causal_run):
    description = json.loads(step_tflite.with_suffix(".json").read_text())
    kernel, hop = causal_run.config.kernel, causal_run.config.hop
    assert description["segment"] == 128
    assert description["algorithmic_delay"] == kernel - hop
    assert description["latency"] == 128 + kernel - hop
    assert description["latency_ms"] == 18
    assert [state["name"] for state in description["states"]] == [
        tensor.name for tensor in states(step)
    ]
    held = sum(math.prod(tensor.shape) for tensor in states(step))
    assert description["state_bytes"] == held
    assert set(description["parity"]) == {"reference", "xnnpack"}


def test_post_training_int8_streams_with_one_plane(causal_run, tmp_path):
    path = tmp_path / "ptq.tflite"
    made = convert(causal_run, path, ptq=True, stream=True, seconds=0.008)
    assert (made.metadata.segment, made.metadata.algorithmic_delay) == (64, 16)
    wave = np.round(9000 * np.sin(np.arange(1000) / 9)).astype(np.int16)
    for estimate in StreamingSeparator(path).separate(wave).values():
        assert estimate.dtype == np.int16 and estimate.shape == wave.shape and estimate.any()


@pytest.mark.slow
def test_a_trained_network_streams_what_its_file_for_segments_separates(tmp_path):
    sizes = ("filters=32", "bottleneck=16", "skip=16", "hidden=32", "blocks=2", "repeats=1")
    settings = ("steps=2", "batch_size=2", "evaluate_every=2")
    recipe = load_recipe("two-voices", [
        "model.causal=true", "data.segment_seconds=1", "data.dev_mixtures=2",
        "quantization.calibration_steps=10", *(f"model.{size}" for size in sizes),
        *(f"{stage}.{setting}" for stage in ("float", "qat") for setting in settings),
    ])
    run = train(recipe, tmp_path / "run")
    for name, stream in (("whole", False), ("step", True)):
        made = convert(run, tmp_path / f"{name}.tflite", least_sqnr=0, stream=stream)
        assert made.metadata.method == "fqss"
    assert made.metadata.latency == 128 + 32 - 16
    noise = np.random.default_rng(0).normal(0, 6000, 8000).astype(np.int16)
    streamed = StreamingSeparator(tmp_path / "step.tflite", gain=0).separate(noise)
    whole = Engine(tmp_path / "whole.tflite").forward_int16(noise)
    assert np.array_equal(np.stack(list(streamed.values())), whole)


def test_what_cannot_stream_is_refused(causal_run, tmp_path):
    with pytest.raises(FqssError, match="needs a causal network"):
        convert(UntrainedRun(load_recipe("two-voices")), tmp_path / "m.tflite", stream=True)
    with pytest.raises(FqssError, match="--type int8 only"):
        convert(causal_run, tmp_path / "m.tflite", "float32", stream=True)
    assert list(tmp_path.iterdir()) == []


def test_a_state_on_two_grids_is_no_integer_model(step):
    last = len(step.outputs) - 1
    moved = [
        dataclasses.replace(tensor, zero_point=tensor.zero_point + 1) if i == last else tensor
        for i, tensor in enumerate(step.outputs)
    ]
    assert moved[last].name in {tensor.name for tensor in step.inputs}
    with pytest.raises(FqssError, match=f"state {moved[last].name} enters"):
        check_fully_integer(dataclasses.replace(step, outputs=tuple(moved)))
