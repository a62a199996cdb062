"""Weights of a U-Net as published for the form that is exported: the same function."""

from collections.abc import Sequence

import numpy as np

from fqss_tf.formats import CHANNELS
from fqss_tf.models.spleeter.graph import EPSILON, PHASES
from fqss_tf.models.spleeter.sizes import LEVELS, SpleeterConfig
from fqss_tf.types import FloatArray, LayerWeights

SMALLEST_GAIN = 1e-6  # of a norm: a channel that it silences is still read by a skip connection
SIZE = 3  # of the convolution that makes phases
# Tap of this convolution for each tap of the transposed one, of even and of odd outputs.
TAPS = ({0: 3, 1: 1}, {0: 4, 1: 2, 2: 0})


def folded(weights: LayerWeights, config: SpleeterConfig) -> LayerWeights:
    """Layer name -> weights of the exported form with one plane each way.

    Args:
        weights: of the published form.
        config: its sizes.
    """
    found: LayerWeights = {}
    for stem in range(config.sources):
        name = f"stem_{stem}_"
        own = {
            key.removeprefix(name): values
            for key, values in weights.items() if key.startswith(name)
        }
        fold = _with_elu if config.activation == "elu" else _with_relu
        for key, values in fold(own).items():
            found[f"{name}{key}"] = [np.asarray(each, np.float32) for each in values]
    return found


def _with_relu(own: LayerWeights) -> LayerWeights:
    """Norms go into the convolutions before them; behind ReLUs, what is left is a shift.

    A skip connection reads the convolution with the gain of the norm, and undoes it. A negative
    gain cannot move through a ReLU: its channel changes its sign, which the next layer undoes.
    """
    found: LayerWeights = {}
    gains = {}
    for level in range(1, LEVELS):
        gains[level], shift = _affine(own[f"down_{level}_norm"])
        kernel, bias = own[f"conv_{level}"]
        found[f"conv_{level}"] = [kernel * gains[level], bias * gains[level]]
        found[f"offset_{level}"] = [shift]
    found[f"conv_{LEVELS}"] = own[f"conv_{LEVELS}"]
    read = np.ones(own[f"conv_{LEVELS}"][1].shape)
    for level in range(LEVELS, 0, -1):
        kernel, bias = own[f"up_{level}"]
        gain, shift = _affine(own[f"up_{level}_norm"])
        sign = np.sign(gain)
        kernel = phase_kernel(kernel) * read[:, None] * _phases(np.abs(gain))
        found[f"up_{level}"] = [kernel, _phases(bias * np.abs(gain))]
        found[f"up_offset_{level}"] = [_phases(sign * shift)]
        if level > 1:
            read = np.concatenate([1 / gains[level - 1], sign])
    kernel, bias = own["logits"]
    found["logits_0"] = [mask_kernel(kernel) * sign, np.tile(bias, PHASES)]
    return _first_plane(found)


def _with_elu(own: LayerWeights) -> LayerWeights:
    """Nothing can move through an ELU: norms become gains and shifts."""
    found: LayerWeights = {}
    for level in range(1, LEVELS + 1):
        found[f"conv_{level}"] = own[f"conv_{level}"]
        gain, shift = _affine(own[f"up_{level}_norm"])
        kernel, bias = own[f"up_{level}"]
        found[f"up_{level}"] = [phase_kernel(kernel), _phases(bias)]
        found[f"up_gain_{level}"] = [_phases(gain)]
        found[f"up_offset_{level}"] = [_phases(shift)]
        if level < LEVELS:
            gain, shift = _affine(own[f"down_{level}_norm"])
            found[f"gain_{level}"], found[f"offset_{level}"] = [gain], [shift]
    kernel, bias = own["logits"]
    found["logits_0"] = [mask_kernel(kernel), np.tile(bias, PHASES)]
    return _first_plane(found)


def _first_plane(found: LayerWeights) -> LayerWeights:
    found["conv_1_0"] = found.pop("conv_1")
    return found


def _affine(norm: list[FloatArray]) -> tuple[FloatArray, FloatArray]:
    """(gain, shift) of a batch norm, [C] each, in float64."""
    gamma, beta, mean, variance = (values.astype(np.float64) for values in norm)
    gain = gamma / np.sqrt(variance + EPSILON)
    gain = np.where(np.abs(gain) < SMALLEST_GAIN, SMALLEST_GAIN, gain)
    return gain, beta - gain * mean


def _phases(values: FloatArray) -> FloatArray:
    return np.tile(values, PHASES)


def phase_kernel(kernel: FloatArray) -> FloatArray:
    """Kernel ``[5, 5, outputs, inputs]`` of stride 2, transposed -> ``[3, 3, inputs, 4 outputs]``.

    That plain convolution makes four phases (``PhasesToPixels``).
    """
    _, _, outputs, inputs = kernel.shape
    found = np.zeros((SIZE, SIZE, inputs, 2, 2, outputs), kernel.dtype)
    for row, rows in enumerate(TAPS):
        for column, columns in enumerate(TAPS):
            for y, from_y in rows.items():
                for x, from_x in columns.items():
                    found[y, x, :, row, column] = kernel[from_y, from_x].T
    return found.reshape(SIZE, SIZE, inputs, PHASES * outputs)


def mask_kernel(kernel: FloatArray) -> FloatArray:
    """Kernel ``[4, 4, 1, 2]`` of stride 1 and dilation 2 -> ``[5, 5, 4, 8]`` over four phases.

    Its taps lie at odd distances, so that each phase reads the phase of the other rows and columns.
    """
    size, _, _, outputs = kernel.shape
    found = np.zeros((size + 1, size + 1, 2, 2, 2, 2, outputs), kernel.dtype)
    for row in range(2):
        for column in range(2):
            found[
                row : row + size, column : column + size, 1 - row, 1 - column, row, column
            ] = kernel[:, :, 0]
    return found.reshape(size + 1, size + 1, PHASES, PHASES * outputs)


def with_planes(
    weights: LayerWeights, config: SpleeterConfig, input_planes: int, output_planes: int
) -> LayerWeights:
    """The weights of ``folded`` for so many planes each way.

    A second input plane is worth 1/256 of the first. Of two output planes, biases turn rounding
    into the flooring of the splitter, as in networks of waveforms.

    Args:
        weights: with one plane each way.
        config: sizes.
        input_planes: as of ``fqss_tf.models.registry.build``.
        output_planes: as there.
    """
    found = dict(weights)
    for stem in range(config.sources):
        name = f"stem_{stem}_"
        for plane in range(1, input_planes):
            found[f"{name}conv_1_{plane}"] = [weights[f"{name}conv_1_0"][0] / 256**plane]
        _move_shifts(found, name, config.without_shifts(input_planes))
        if output_planes > 1:
            kernel, bias = weights[f"{name}logits_0"]
            found[f"{name}logits_0"] = [kernel, bias - np.float32(1 / 256)]
            second = 256 * np.concatenate(
                [kernel, _at_the_same_place(kernel.shape[0], CHANNELS * PHASES)], axis=2
            )
            found[f"{name}logits_1"] = [second, 256 * bias - np.float32(1)]
    return found


def _move_shifts(found: LayerWeights, name: str, levels: Sequence[int]) -> None:
    """Moves shifts behind ReLUs of some levels into the biases of the convolutions behind.

    There the steps are coarse beside a shift, and where the ReLU gives 0, as in most of a
    spectrogram, its rounding is the same error everywhere. Convolutions fill up with zeros, so the
    network is another one within a few bins and frames of the border.
    """
    for level in levels:
        (shift,) = found.pop(f"{name}up_offset_{level}")
        kernel, bias = found[f"{name}up_{level - 1}"]
        width = len(shift) // PHASES
        read = kernel[:, :, -width:].sum(axis=(0, 1))
        found[f"{name}up_{level - 1}"] = [kernel, bias + shift[:width] @ read]


def _at_the_same_place(size: int, channels: int) -> FloatArray:
    kernel = np.zeros((size, size, channels, channels), np.float32)
    kernel[size // 2, size // 2] = -np.eye(channels)
    return kernel
