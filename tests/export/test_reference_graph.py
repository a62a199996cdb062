import dataclasses

import numpy as np
import pytest
import tf_keras as keras
from ai_edge_litert.interpreter import Interpreter

from fqss_tf.config import load_recipe
from fqss_tf.export.convert import convert
from fqss_tf.export.reference_graph import convert_reference
from fqss_tf.export.segments import levelled_segments
from fqss_tf.metrics import pit_si_sdr
from fqss_tf.models import registry
from fqss_tf.models.convtasnet.reference import reference_model
from fqss_tf.models.inference import separation_function
from fqss_tf.quantization.folding import fold_for_export
from fqss_tf.runs.shipped import ShippedRun
from fqss_tf.runs.untrained import UntrainedRun
from fqss_tf.runtime.engine import Engine
from fqss_tf.training.stages import train

TINY = (
    "model.filters=24", "model.kernel=16", "model.hop=8", "model.bottleneck=8", "model.skip=12",
    "model.hidden=16", "model.blocks=3", "model.repeats=2",
)


@pytest.mark.parametrize("norm", ["global", "batch"])
@pytest.mark.parametrize("activation", ["prelu", "relu"])
@pytest.mark.parametrize(
    ("mask_activation", "features", "sums"),
    [
        ("relu", "signed", {}), ("sigmoid", "rectified", {}),
        ("linear", "rectified", {"sum_to_mixture": True}),
        ("linear", "rectified", {"sum_to_mixture": True, "first_is_rest": True}),
    ],
)
def test_the_exported_graph_computes_what_the_papers_graph_computes(
    norm, activation, mask_activation, features, sums
):
    config = dataclasses.replace(
        load_recipe("convtasnet", TINY).model,
        norm=norm, activation=activation, mask_activation=mask_activation, features=features,
        **sums,
    )
    keras.utils.set_random_seed(0)
    model = registry.build(config)
    rng = np.random.default_rng(0)
    for layer in model.layers:
        layer.set_weights([
            rng.uniform(0.2, 0.8, value.shape) if "variance" in weight.name
            else value + rng.normal(0, 0.2, value.shape)
            for weight, value in zip(layer.weights, layer.get_weights(), strict=True)
        ])
    mixture = rng.uniform(-1, 1, (1, 1, 400, 1)).astype(np.float32)
    expected = np.concatenate(reference_model(model, config, 400)(mixture), axis=1)
    found = fold_for_export(model, config)(mixture).numpy()
    assert np.abs(found - expected).max() <= 1e-6 * np.abs(expected).max()


def sqnr(estimates, expected):
    return 10 * np.log10(np.sum(expected**2) / np.sum((estimates - expected) ** 2))


def run_naive(content, mixture):
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    (entry,) = interpreter.get_input_details()
    scale, zero_point = entry["quantization"]
    steps = np.clip(np.round(mixture / scale) + zero_point, -128, 127).astype(np.int8)
    interpreter.set_tensor(entry["index"], steps[None, None, :, None])
    interpreter.invoke()
    estimates = {}
    for output in interpreter.get_output_details():
        scale, zero_point = output["quantization"]
        integers = interpreter.get_tensor(output["index"])[0, 0, :, 0].astype(np.float32)
        estimates[output["name"]] = (integers - zero_point) * scale
    return np.stack([estimates[name] for name in sorted(estimates)])


@pytest.mark.parametrize("norm", ["global", "batch"])
def test_rewritten_integers_are_no_worse_than_plainly_converted_ones(norm, tmp_path):
    run = UntrainedRun(load_recipe("convtasnet", (*TINY, f"model.norm={norm}")))
    ((mixture, _),) = run.mixtures("test")
    expected = separation_function(run.float_model())(mixture)
    convert(run, tmp_path / "ours.tflite", "int8", ptq=True, seconds=1.0)
    ours = Engine(tmp_path / "ours.tflite").forward(mixture)
    naive = run_naive(convert_reference(run, len(mixture), "int8"), mixture)
    either_order = max(sqnr(naive, expected), sqnr(naive[::-1], expected))
    print(f"{norm}: ours {sqnr(ours, expected):.1f} dB, naive {either_order:.1f} dB")
    # Ours has the fixed output scale of 1/128, the other one measured for this very noise.
    assert sqnr(ours, expected) >= either_order - 1


@pytest.mark.slow
def test_a_trained_network_separates_no_worse_than_plainly_converted(tmp_path):
    recipe = load_recipe("quickstart", ("qat.steps=0",))
    run = train(recipe, tmp_path / "run", teacher=ShippedRun("voice-micro"))
    samples = run.recipe.segment(4.0)
    convert(run, tmp_path / "ours.tflite", "int8", ptq=True, seconds=4.0, least_sqnr=20)
    ours = Engine(tmp_path / "ours.tflite")
    content = convert_reference(run, samples, "int8")
    scores = np.array([
        [pit_si_sdr(estimates, sources)[0].mean()
         for estimates in (ours.forward(mixture), run_naive(content, mixture))]
        for mixture, sources in levelled_segments(run.mixtures("test")[:6], samples)
    ]).mean(axis=0)
    print(f"SI-SDR: ours {scores[0]:.3f} dB, plainly converted {scores[1]:.3f} dB")
    assert scores[0] >= scores[1] - 0.01
