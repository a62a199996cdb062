import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from fqss_tf.config import load_recipe
from fqss_tf.errors import FqssError
from fqss_tf.models.registry import build, network_of
from fqss_tf.training import losses, precision
from fqss_tf.training.precision import computing_in, usable

SMALL = {
    "two-voices": ["model.blocks=2"],
    "two-voices-stream": ["model.blocks=2"],
    "convtasnet": ["model.blocks=2", "model.repeats=1"],
    "sepformer-mobile": ["model.blocks=1", "model.intra_layers=1", "model.inter_layers=1"],
    "dptnet-mobile": ["model.blocks=1"],
    "dptnet-asteroid-mobile": ["model.blocks=1"],
    "dprnn-mobile": ["model.blocks=1"],
    "music-convtasnet-mobile": [
        "model.sources=2", "data.sources=[vocals,accompaniment]", "model.blocks=2",
        "model.repeats=1",
    ],
}


@pytest.mark.parametrize("name", SMALL)
def test_bfloat16_is_float32_but_for_rounding(name):
    config = load_recipe(name, SMALL[name]).model
    single = build(config)
    with computing_in("bfloat16"):
        half = build(config)
    half.set_weights(single.get_weights())
    sources = tf.random.stateless_normal([1, 2, 4080], (1, 2)) / 10
    mixture = tf.reduce_sum(sources, axis=1)

    @tf.function(autograph=False)
    def estimates_and_gradient(model):
        with tf.GradientTape() as tape:
            estimates = network_of(config).estimates(model, mixture, config, training=True)
            loss = losses.negative_sdr(estimates, sources)
        return estimates, tape.gradient(loss, model.trainable_variables)

    exact, exact_gradient = estimates_and_gradient(single)
    rounded, rounded_gradient = estimates_and_gradient(half)
    error = np.linalg.norm(rounded - exact) / np.linalg.norm(exact)
    assert 1e-5 < error < 0.05  # not the same, and 26 dB
    assert {variable.dtype for variable in half.variables} == {tf.float32}
    assert rounded.dtype == tf.float32
    norms = [float(tf.linalg.global_norm(one)) for one in (exact_gradient, rounded_gradient)]
    assert norms[1] == pytest.approx(norms[0], rel=0.2)


def test_what_is_built_afterwards_is_float32():
    with computing_in("bfloat16"):
        pass
    assert keras.layers.Dense(1).compute_dtype == "float32"


def test_quantized_training_keeps_to_float32():
    with pytest.raises(FqssError, match="qat.precision is bfloat16"):
        load_recipe("two-voices", ["qat.precision=bfloat16"])


def test_quantized_training_has_no_batch_norms_to_freeze():
    with pytest.raises(FqssError, match="qat.frozen_statistics_share is of batch norms"):
        load_recipe("two-voices", ["qat.frozen_statistics_share=0.15"])


def test_unknown_precision():
    with pytest.raises(FqssError, match="precision 'float8' is unknown"):
        load_recipe("two-voices", ["float.precision=float8"])


@pytest.mark.parametrize("flags, asked, taken", [
    ("flags : fpu avx2 avx512f", "bfloat16", "float32"),
    ("flags : fpu avx2 avx512f", "bfloat16-always", "bfloat16-always"),
    ("flags : fpu avx2 avx512f", "float32", "float32"),
    ("flags : avx512f avx512_bf16", "bfloat16", "bfloat16"),
    ("flags : amx_bf16 amx_tile", "bfloat16", "bfloat16"),
    ("Features : fp asimd bf16", "bfloat16", "bfloat16"),
    (None, "bfloat16", "bfloat16"),
])
def test_bfloat16_is_for_processors_that_have_it(
    flags, asked, taken, tmp_path, monkeypatch, logged
):
    path = tmp_path / "cpuinfo"
    if flags is not None:
        path.write_text(f"processor : 0\n{flags}\n")
    monkeypatch.setattr(precision, "CPU_INFO", path)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _: [])
    usable.cache_clear()
    assert [usable(asked), usable(asked)] == [taken, taken]
    assert len(logged()) == (asked != taken)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _: ["GPU"])
    usable.cache_clear()
    assert usable(asked) == asked
    usable.cache_clear()
