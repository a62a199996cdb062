"""Weights of HTDemucs for the form that is exported, and for its planes: the same function."""

import numpy as np

from fqss_tf.layers.remainder import remainder_kernel
from fqss_tf.models.htdemucs.branches import BRANCHES, EDGE, TAPS, Branch
from fqss_tf.models.htdemucs.sizes import KERNEL, STRIDE, HTDemucsConfig
from fqss_tf.types import FloatArray, LayerWeights

# What a layer of the transformer multiplies by its gains, and the gains.
GAINED = {"context": "context_gain", "ffn_out": "ffn_gain"}
HALF_STEP = 1 / 256  # of the first output plane: rounding becomes the splitter's flooring


def folded(weights: LayerWeights, config: HTDemucsConfig) -> LayerWeights:
    """Layer name -> weights of the exported form with one plane each way.

    Args:
        weights: of the published form.
        config: its sizes.
    """
    found = dict(weights)
    for branch in BRANCHES:
        for level in range(config.depth):
            name = f"{branch.name}_decoder_{level}"
            kernel, bias = weights[name]
            found[name] = [phase_kernel(kernel, branch), np.tile(bias, STRIDE)]
            for coder in ("encoder", "decoder"):
                rewrite = f"{branch.name}_{coder}_{level}_rewrite"
                parts = (np.split(values, 2, axis=-1) for values in found.pop(rewrite))
                value, gate = zip(*parts, strict=True)
                found |= {f"{rewrite}_value": list(value), f"{rewrite}_gate": list(gate)}
        for layer in range(config.layers):
            for role, gains in GAINED.items():
                name = f"{branch.name}_layer_{layer}_{role}"
                (gain,) = found.pop(f"{branch.name}_layer_{layer}_{gains}")
                found[name] = [values * gain for values in found[name]]
    return found


def phase_kernel(kernel: FloatArray, branch: Branch) -> FloatArray:
    """Kernel of a transposed convolution, cut at both ends -> that of a convolution of phases.

    ``[8, 1, outputs, inputs]`` of stride 4 -> ``[3, 1, inputs, 4 outputs]``; along T ``[1, 8, ..]``
    -> ``[1, 3, ..]``.
    """
    taps = kernel.reshape(KERNEL, *kernel.shape[2:])
    _, outputs, inputs = taps.shape
    found = np.zeros((TAPS, inputs, STRIDE, outputs), kernel.dtype)
    for tap in range(TAPS):
        for phase in range(STRIDE):
            # Place 4 m + phase of the output reads the input at m + tap - 1.
            source = EDGE + phase - STRIDE * (tap - 1)
            if 0 <= source < KERNEL:
                found[tap, :, phase] = taps[source].T
    return found.reshape(*branch.along(TAPS), inputs, STRIDE * outputs)


def with_planes(
    weights: LayerWeights, config: HTDemucsConfig, input_planes: int, output_planes: int
) -> LayerWeights:
    """The weights of ``folded`` for so many planes each way.

    Args:
        weights: with one plane each way.
        config: sizes.
        input_planes: as of ``fqss_tf.models.registry.build``.
        output_planes: as there.
    """
    found = dict(weights)
    for branch in BRANCHES:
        encoder, decoder = f"{branch.name}_encoder_0", f"{branch.name}_decoder_0"
        for plane in range(1, input_planes):
            found[f"{encoder}_plane_{plane}"] = [weights[encoder][0] / 256**plane]
        if output_planes > 1:
            kernel, bias = weights[decoder]
            found[decoder] = [kernel, bias - np.float32(HALF_STEP)]
            flat = kernel.reshape(1, TAPS, *kernel.shape[2:])
            second = remainder_kernel(flat, TAPS // 2)
            found[f"{decoder}_plane_1"] = [
                second.reshape(*branch.along(TAPS), *second.shape[2:]), 256 * bias - np.float32(1),
            ]
    return found
