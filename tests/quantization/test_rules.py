import dataclasses
import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest
import tensorflow as tf
import tf_keras as keras

import fqss_tf.layers
from fqss_tf.config import load_recipe, packaged_recipes
from fqss_tf.layers.gates import GatedLinearUnit
from fqss_tf.layers.norm import RowLayerNorm
from fqss_tf.layers.prelu import ScalarPReLU
from fqss_tf.layers.spectral import FullScale, MaskedMagnitudes, PixelsToPhases
from fqss_tf.layers.statistics import ItemVariance
from fqss_tf.layers.waveform import FromWaveform, ToWaveforms
from fqss_tf.models.registry import build
from fqss_tf.quantization.rules import OUTPUT_RULES, quantize_config
from fqss_tf.quantization.rules_table import markdown_table

IN_FLOAT_ONLY = {
    FromWaveform, FullScale, GatedLinearUnit, MaskedMagnitudes, PixelsToPhases, ScalarPReLU,
    ToWaveforms,
}


def own_layers():
    for found in pkgutil.iter_modules(fqss_tf.layers.__path__):
        module = importlib.import_module(f"fqss_tf.layers.{found.name}")
        for name, member in inspect.getmembers(module, inspect.isclass):
            mine = member.__module__ == module.__name__ and not name.startswith("_")
            if mine and issubclass(member, keras.layers.Layer) and computes(member):
                yield member


def computes(layer_type):
    """Whether it is no base class, for which others say what they compute."""
    return layer_type.call is not keras.layers.Layer.call


def test_every_layer_of_the_package_has_a_rule():
    known = {layer_type for rule in OUTPUT_RULES for layer_type in rule.types}
    assert set(own_layers()) - known == IN_FLOAT_ONLY


@pytest.mark.parametrize("name", packaged_recipes())
def test_every_layer_of_every_network_has_a_rule(name):
    config = load_recipe(name).model
    network = build(config, input_planes=2, output_planes=2, for_export=True)
    for layer in network.layers:
        if not isinstance(layer, keras.layers.InputLayer):
            quantize_config(layer)


def test_a_layer_with_inner_tensors_has_a_quantizer_for_each():
    network = build(load_recipe("dptnet-mobile").model, for_export=True)
    for layer in network.layers:
        names = set(getattr(layer, "inner_tensors", ()))
        if names:
            assert set(quantize_config(layer).inner) >= names - {"value"}, layer.name


@pytest.mark.parametrize("activation", ["prelu", "relu"])
def test_what_a_norm_squares_never_has_the_zero_point_zero(activation):
    config = dataclasses.replace(load_recipe("convtasnet").model, activation=activation)
    network = build(config, input_planes=2, for_export=True)
    norms = [layer for layer in network.layers if isinstance(layer, ItemVariance)]
    assert norms
    for norm in norms:
        values, _ = tf.nest.flatten(norm.inbound_nodes[0].inbound_layers)
        found = quantize_config(values)
        quantizer = found.inner.get("value", found.output)
        assert quantizer.squared or quantizer.non_negative, values.name


def test_a_norm_of_rows_never_squares_with_the_zero_point_zero():
    network = build(load_recipe("dptnet-asteroid-mobile").model, for_export=True)
    norms = [layer for layer in network.layers if isinstance(layer, RowLayerNorm)]
    assert norms and all(quantize_config(norm).inner["centred"].squared for norm in norms)


def test_the_table_has_a_row_for_each_rule():
    rows = markdown_table().splitlines()
    assert len(rows) >= len(OUTPUT_RULES) + 3
    assert "| Splitter |  |  | fixed, 1/128, zero point 0 |" in rows
    for rule in OUTPUT_RULES:
        assert any(row.endswith(f"| {rule.output.text} |") for row in rows)


def test_the_table_of_the_documentation_is_this_one():
    page = Path(__file__).parents[2] / "docs" / "explain" / "architecture.md"
    assert markdown_table() in page.read_text()
