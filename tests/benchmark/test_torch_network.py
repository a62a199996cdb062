"""The PyTorch network against the Keras one, with the same weights."""

import dataclasses

import numpy as np
import pytest

from fqss_tf.models.convtasnet.sizes import ConvTasNetConfig
from fqss_tf.models.registry import build

torch = pytest.importorskip("torch", exc_type=ImportError)
TorchConvTasNet = pytest.importorskip("fqss_tf.models.convtasnet.torch_network").TorchConvTasNet

SMALL = ConvTasNetConfig(
    filters=24, kernel=8, hop=4, bottleneck=10, skip=6, hidden=14, blocks=2, repeats=2
)


def samples_kernel(kernel):
    """``[1, taps, hop, N]`` over blocks -> ``[N, 1, k]`` over samples."""
    return kernel[0].transpose(2, 0, 1).reshape(kernel.shape[-1], 1, -1)


def decoder_kernel(kernel):
    """Plain ``[1, taps, N, hop]`` over blocks -> transposed ``[N, 1, k]`` over samples."""
    return kernel[0, ::-1].transpose(1, 0, 2).reshape(kernel.shape[2], 1, -1)


def assign(module, *values):
    """Copies arrays into parameters and buffers of those shapes, in their order."""
    targets = [*module.parameters(), *(b for b in module.buffers() if b.dim())]
    with torch.no_grad():
        for target, value in zip(targets, values, strict=True):
            target.copy_(torch.from_numpy(np.array(value).reshape(target.shape)))


def dense(layer):
    kernel, bias = layer.get_weights()
    return kernel[0, 0].T[..., None], bias


def copy_weights(keras_model, network, config):
    layer = keras_model.get_layer
    assign(network.encoder, samples_kernel(layer("encoder_0").get_weights()[0]))
    assign(network.bottleneck[0], *layer("bottleneck_norm").get_weights())
    assign(network.bottleneck[1], *dense(layer("bottleneck")))
    norm_at, activation_at = (1, 2) if config.norm == "batch" else (2, 1)
    for index, block in enumerate(network.blocks):
        for place, start in (("in", 0), ("depthwise", 3)):
            name = f"block_{index}_{place}"
            kernel, bias = layer(name).get_weights()
            weight = kernel[0, 0].T[..., None] if place == "in" else kernel[0].transpose(1, 2, 0)
            assign(block.layers[start], weight, bias)
            assign(block.layers[start + norm_at], *layer(f"{name}_norm").get_weights())
            if config.activation == "prelu":
                assign(block.layers[start + activation_at], *layer(f"{name}_prelu").get_weights())
        assign(block.skip, *dense(layer(f"block_{index}_skip")))
        if block.residual is not None:
            assign(block.residual, *dense(layer(f"block_{index}_residual")))
    if config.activation == "prelu":
        assign(network.masks[0], *layer("mask_prelu").get_weights())
    parts = [dense(layer(f"mask_{source}")) for source in range(config.latents)]
    assign(network.masks[1], *map(np.concatenate, zip(*parts, strict=True)))
    assign(network.decoder, decoder_kernel(layer("decoder_0").get_weights()[0]))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"norm": "batch"},
        {"norm": "batch", "activation": "relu", "block_kernel": 4, "features": "rectified"},
        {"activation": "relu", "mask_activation": "sigmoid", "sources": 3},
        {"mask_activation": "linear", "sum_to_mixture": True},
        {"mask_activation": "linear", "sum_to_mixture": True, "first_is_rest": True},
    ],
)
def test_estimates_equal_those_of_keras(changes):
    config = dataclasses.replace(SMALL, **changes)
    model = build(config)
    generator = np.random.default_rng(0)
    for layer in model.layers:
        layer.set_weights([
            value + np.abs(generator.normal(0, 0.3, value.shape)) for value in layer.get_weights()
        ])
    network = TorchConvTasNet(config).eval()
    copy_weights(model, network, config)
    mixture = generator.uniform(-1, 1, (2, 400)).astype(np.float32)
    expected = model(mixture[:, None, :, None]).numpy()[..., 0]
    with torch.inference_mode():
        estimates = network(torch.from_numpy(mixture)).numpy()
    assert estimates.shape == (2, config.sources, 400)
    assert np.abs(estimates - expected).max() <= 1e-5 * np.abs(expected).max()


def test_an_estimate_depends_on_every_parameter():
    network = TorchConvTasNet(SMALL)
    network(torch.rand(1, 400)).square().sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
