"""tfmot quantizers with trained ranges.

Every quantizer has a mode: ``calibrate`` measures ranges and passes values on, ``quantize`` rounds
and lets the gradient move the range, ``deploy`` rounds to ranges that are constants of the graph,
which is then a quarter as large. ``set_mode`` switches a whole model.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from fqss_tf.types import FloatArray, Json, KerasLayer, Tensor

import tensorflow_model_optimization as tfmot  # isort: skip  (needs tf_keras first)

from fqss_tf.quantization.calibration import (
    least_error_maximum,
    least_error_range,
    percentile_range,
    whole_range,
)
from fqss_tf.quantization.fake_quant import fake_quantize, fake_quantize_per_channel, off_zero
from fqss_tf.quantization.histogram import Histogram

MODES = ("calibrate", "quantize", "deploy")
SMALLEST_RANGE = 1e-6
CALIBRATION_DECAY = 0.9
UNCALIBRATED_RANGE = 0.5
# What is trained is a shift in thousandfolds of the calibrated width.
SHIFT_RATE = 1000.0


class ModalQuantizer(tfmot.quantization.keras.quantizers.Quantizer):
    """Base of the quantizers here: bits, a mode, and whether training moves the range.

    Attributes:
        factor: the range is that of values so many times as small; of ranges of activations.
    """

    def __init__(self, bits: int = 8) -> None:
        self.bits = bits
        self.factor = 1
        self.trains_range = True
        self.mode = "calibrate"  # Keras calls each layer when a model is built: rounding costs time

    def start_calibration(self, calibration: str) -> None:
        """Begins a calibration.

        Args:
            calibration: how the range will be chosen, one of ``fqss_tf.config.CALIBRATIONS``.
        """

    def finish_calibration(self, batches: int) -> None:
        """Ends the calibration, which was one of so many batches."""

    def _shift(self, weights: Mapping[str, Tensor], key: str, width: Tensor) -> Tensor:
        """How far ``key`` of an calibrated range of ``width`` has been trained away."""
        shift = SHIFT_RATE * width * weights[f"{key}_shift"]
        return shift if self.trains_range else tf.stop_gradient(shift)

    def _current(
        self, ranges: Callable[[Mapping[str, Tensor]], Any], weights: Mapping[str, Tensor]
    ) -> Any:
        """The result of ``ranges(weights)``: numpy constants in mode ``deploy``."""
        if self.mode != "deploy":
            return ranges(weights)
        with tf.init_scope():
            return tf.nest.map_structure(lambda value: value.numpy(), ranges(weights))

    def get_config(self) -> Json:
        """Returns what ``from_config`` makes the same quantizer from."""
        return {"bits": self.bits}


class RangeQuantizer(ModalQuantizer):
    """Asymmetric per-tensor activation quantizer (method, section 4).

    Calibrating: the values are counted, and the range has the least mean squared error (``mse``) or
    contains a share of them (``percentile``). Or (``minmax``) min and max are running means (decay
    0.9) of the batch extremes, less what is left of their start at the end.
    Quantizing: min and max are trained, as shifts of the calibrated ones. Zero is always inside the
    range and exactly representable.

    Args:
        bits: of the integer tensor.
        non_negative: the tensor is the output of a ReLU: the minimum stays 0.
        name: tells inner tensors of one layer apart.
        margin: of a statistic of the recording, which is few values: the calibrated range is kept
            whole, and made wider by this share of it, for recordings that were not calibrated.
        squared: the tensor is multiplied by itself: its zero point is never 0 (``off_zero``).
    """

    def __init__(
        self, bits: int = 8, non_negative: bool = False, name: str | None = None,
        margin: float = 0.0, squared: bool = False,
    ) -> None:
        super().__init__(bits)
        self.non_negative = non_negative
        self.name = name
        self.margin = margin
        self.squared = squared
        self._histogram: Histogram | None = None

    def build(self, tensor_shape: Any, name: str, layer: KerasLayer) -> dict[str, Tensor]:
        """Adds the variables of the range to a layer; returns them by name."""
        prefix = self.name or name
        weights: dict[str, Tensor] = {}
        if not self.non_negative:
            weights |= _shifted_variable(
                layer, "minimum", f"{prefix}_min", (), -UNCALIBRATED_RANGE
            )
        weights |= _shifted_variable(
            layer, "maximum", f"{prefix}_max", (), UNCALIBRATED_RANGE
        )
        self.variables = weights
        return weights

    def __call__(
        self, inputs: Tensor, training: bool, weights: Mapping[str, Tensor], **kwargs: Any
    ) -> Tensor:
        """Returns rounded values; in mode ``calibrate`` the values, whose range is measured."""
        if self.mode == "calibrate":
            minimum, maximum = weights.get("minimum"), weights["maximum"]
            if training and self._histogram:
                self._histogram.add(inputs)
            elif training:
                _follow(maximum, tf.maximum(tf.reduce_max(inputs), 0.0))
                if minimum is not None:
                    _follow(minimum, tf.minimum(tf.reduce_min(inputs), 0.0))
            return inputs
        low, high = (self.factor * bound for bound in self._current(self._range, weights))
        return fake_quantize(inputs, low, high, self.bits, training=training)

    def start_calibration(self, calibration: str) -> None:
        """Counts values from now on, unless the extremes are enough."""
        self._calibration = calibration
        counts = calibration != "minmax" or self.margin > 0
        self._histogram = Histogram() if counts else None

    def finish_calibration(self, batches: int) -> None:
        """Sets the range; takes out of running means what is left of their start, as Adam does."""
        if self._histogram:
            counted, self._histogram = self._histogram.counted(), None
            if self.margin:
                low, high = whole_range(*counted, self.margin)
            elif self._calibration == "mse":
                low, high = least_error_range(*counted, self.bits)
            else:
                low, high = percentile_range(*counted, self.bits)
            self.variables["maximum"].assign(high)
            if not self.non_negative:
                self.variables["minimum"].assign(low)
            return
        _forget_start(self.variables["maximum"], UNCALIBRATED_RANGE, batches)
        if not self.non_negative:
            _forget_start(self.variables["minimum"], -UNCALIBRATED_RANGE, batches)

    def scale(self, weights: Mapping[str, Tensor]) -> float:
        """The step of the integer tensor, a float."""
        low, high = self._range(weights)
        return float(high - low) / (2**self.bits - 1)

    def range(self) -> tuple[float, float]:
        """(minimum, maximum) as floats, once built."""
        low, high = self._range(self.variables)
        return float(low), float(high)

    def _range(self, weights: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        low, high = tf.zeros(()), weights["maximum"]
        width = high - weights["minimum"] if "minimum" in weights else high
        if "minimum" in weights:
            low = tf.minimum(weights["minimum"] + self._shift(weights, "minimum", width), 0.0)
        high = high + self._shift(weights, "maximum", width)
        high = tf.maximum(tf.maximum(high, low + SMALLEST_RANGE), 0.0)
        return (off_zero(low, high, self.bits), high) if self.squared else (low, high)

    def get_config(self) -> Json:
        """Returns what ``from_config`` makes the same quantizer from."""
        return {
            **super().get_config(), "non_negative": self.non_negative, "name": self.name,
            "margin": self.margin, "squared": self.squared,
        }


class ConstantRangeQuantizer(ModalQuantizer):
    """A range that is never trained: waveforms at 1/128, sigmoid at 1/256, tanh at 1/128.

    Args:
        scale: of the 8-bit integer tensor; other bit widths keep its range.
        zero_point: of the signed 8-bit integer tensor.
    """

    def __init__(self, scale: float, zero_point: int = 0, bits: int = 8) -> None:
        super().__init__(bits)
        self.step = scale
        self.zero_point = zero_point

    def build(self, tensor_shape: Any, name: str, layer: KerasLayer) -> dict[str, Tensor]:
        """Adds the variables of the range to a layer; returns them by name."""
        return {}

    def __call__(
        self, inputs: Tensor, training: bool, weights: Mapping[str, Tensor], **kwargs: Any
    ) -> Tensor:
        """Returns rounded values; in mode ``calibrate`` the values, whose range is measured."""
        if self.mode == "calibrate":
            return inputs
        low = self.factor * self.step * (-128 - self.zero_point)
        high = low + self.factor * self.scale(weights) * (2**self.bits - 1)
        return fake_quantize(
            inputs, tf.constant(low), tf.constant(high), self.bits, training=training
        )

    def scale(self, weights: Mapping[str, Tensor]) -> float:
        """The step of the integer tensor, a float."""
        return self.step * 256 / 2**self.bits

    def get_config(self) -> Json:
        """Returns what ``from_config`` makes the same quantizer from."""
        return {**super().get_config(), "scale": self.step, "zero_point": self.zero_point}


class InputRangeQuantizer(ModalQuantizer):
    """The range of what a layer reads first: a tensor that is on that grid already.

    Nothing is rounded. The exported graph repeats the range, because the converter leaves a ReLU
    without one in float.

    Args:
        factor: the tensor is so many times as large as what is read, and so is its range.
    """

    def __init__(self, bits: int = 8, factor: int = 1) -> None:
        super().__init__(bits)
        self.factor = factor

    def get_config(self) -> Json:
        """Returns what ``from_config`` makes the same quantizer from."""
        return {**super().get_config(), "factor": self.factor}

    def build(self, tensor_shape: Any, name: str, layer: KerasLayer) -> dict[str, Tensor]:
        """Adds no variables."""
        return {}

    def follow(self, quantizer: ModalQuantizer, variables: Mapping[str, Tensor]) -> None:
        """Takes the range of another tensor: its quantizer, with the variables of it."""
        self._followed, self._followed_variables = quantizer, variables

    def __call__(
        self, inputs: Tensor, training: bool, weights: Mapping[str, Tensor], **kwargs: Any
    ) -> Tensor:
        """Returns the values, in mode ``deploy`` with the range."""
        if self.mode != "deploy":
            return inputs
        before, self._followed.factor = self._followed.factor, self.factor
        try:
            return self._followed(inputs, training, self._followed_variables)
        finally:
            self._followed.factor = before

    def scale(self, weights: Mapping[str, Tensor]) -> float:
        """The step of the integer tensor, a float."""
        return self.factor * self._followed.scale(self._followed_variables)


class PowerOfTwoQuantizer(ModalQuantizer):
    """Symmetric quantizer of a tensor whose scale is a power of two.

    The cell of the integer LSTM has such a scale.

    Calibrating: the largest magnitude, a running mean as RangeQuantizer has it. Quantizing: the
    next power of two above twice that. It is not trained: 16 bits have room for what grows.

    Args:
        bits: of the integer tensor.
        name: tells inner tensors of one layer apart.
    """

    smallest, largest = 0, 6  # powers of two that the integer kernel's tanh can read at 16 bits

    def __init__(self, bits: int = 16, name: str | None = None) -> None:
        super().__init__(bits)
        self.name = name

    def build(self, tensor_shape: Any, name: str, layer: KerasLayer) -> dict[str, Tensor]:
        """Adds the variables of the range to a layer; returns them by name."""
        prefix = self.name or name
        start = keras.initializers.Constant(UNCALIBRATED_RANGE)
        self.variables = {
            "maximum": layer.add_weight(f"{prefix}_max", (), initializer=start, trainable=False)
        }
        return self.variables

    def __call__(
        self, inputs: Tensor, training: bool, weights: Mapping[str, Tensor], **kwargs: Any
    ) -> Tensor:
        """Returns rounded values; in mode ``calibrate`` the values, whose range is measured."""
        if self.mode == "calibrate":
            if training:
                _follow(weights["maximum"], tf.reduce_max(tf.abs(inputs)))
            return inputs
        bound = self._current(self._bound, weights)
        high = bound - bound * 2.0 ** (1 - self.bits)
        return fake_quantize(inputs, -bound, high, self.bits, training=training)

    def finish_calibration(self, batches: int) -> None:
        """Takes out of the running mean what is left of its start."""
        _forget_start(self.variables["maximum"], UNCALIBRATED_RANGE, batches)

    def scale(self, weights: Mapping[str, Tensor]) -> float:
        """The step of the integer tensor, a float."""
        return float(self._bound(weights)) * 2.0 ** (1 - self.bits)

    def _bound(self, weights: Mapping[str, Tensor]) -> Tensor:
        power = tf.math.ceil(tf.math.log(2.0 * weights["maximum"]) / tf.math.log(2.0))
        return 2.0 ** tf.clip_by_value(power, self.smallest, self.largest)

    def get_config(self) -> Json:
        """Returns what ``from_config`` makes the same quantizer from."""
        return {**super().get_config(), "name": self.name}


class WeightQuantizer(ModalQuantizer):
    """Symmetric narrow quantizer of weights, per output channel.

    The range is a trained shift of the calibrated max |w|, or of what ``fit`` makes of it.

    Args:
        channel_axis: of the kernel; -2 for depthwise kernels [h, w, C, 1]; None for one range.
        groups: of output channels that share a range each, as the gates of an LSTM do; None for a
            range each. Takes ``channel_axis`` -1.
    """

    def __init__(
        self, bits: int = 8, channel_axis: int | None = -1, groups: int | None = None
    ) -> None:
        super().__init__(bits)
        self.channel_axis = channel_axis
        self.groups = groups

    def build(self, tensor_shape: Any, name: str, layer: KerasLayer) -> dict[str, Tensor]:
        """Adds the variables of the range to a layer; returns them by name."""
        shape: tuple[int, ...] = ()
        if self.channel_axis is not None:
            shape = (self.groups or tensor_shape[self.channel_axis],)
        return _shifted_variable(layer, "maximum", f"{name}_max", shape, 1.0)

    def __call__(
        self, inputs: Tensor, training: bool, weights: Mapping[str, Tensor], **kwargs: Any
    ) -> Tensor:
        """Returns rounded values; in mode ``calibrate`` the values, whose range is measured."""
        if self.mode == "calibrate":
            if training:
                weights["maximum"].assign(self._largest(inputs))
            return inputs
        safe = self._current(self._maximum, weights)
        if self.groups:
            safe = tf.repeat(safe, inputs.shape[-1] // self.groups)
        if self.channel_axis is None:
            return fake_quantize(inputs, -safe, safe, self.bits, narrow=True, training=training)
        shape = inputs.shape.as_list()
        channels_last = [*shape[:-2], 1, shape[-2] * shape[-1]]
        if self.channel_axis == -2:
            # The converter knows per-channel ranges along the last axis only.
            inputs = tf.reshape(inputs, channels_last)
        return tf.reshape(
            fake_quantize_per_channel(inputs, safe, self.bits, training=training), shape
        )

    def fit(self, kernel: Tensor, weights: Mapping[str, Tensor]) -> None:
        """Sets the ranges to those of the least mean squared error of a kernel."""
        values = kernel.numpy()
        if self.channel_axis is None:
            values = values.reshape(-1, 1)
        elif self.groups:
            values = values.reshape(len(values), self.groups, -1).swapaxes(1, 2)
        else:
            values = np.moveaxis(values, self.channel_axis, -1)
        maximum = least_error_maximum(values.reshape(-1, values.shape[-1]), self.bits)
        weights["maximum"].assign(maximum.reshape(weights["maximum"].shape))

    def widen(self, weights: Mapping[str, Tensor], least: FloatArray) -> None:
        """Makes the steps at least as large as ``least``, one per channel."""
        steps = 2 ** (self.bits - 1) - 1
        weights["maximum"].assign(tf.maximum(weights["maximum"], least * steps))

    def scale(self, weights: Mapping[str, Tensor]) -> float:
        """The steps of the integer kernel, one per channel or group."""
        return self._maximum(weights).numpy() / (2 ** (self.bits - 1) - 1)

    def _maximum(self, weights: Mapping[str, Tensor]) -> Tensor:
        maximum = weights["maximum"] * (1.0 + self._shift(weights, "maximum", 1.0))
        return tf.maximum(maximum, SMALLEST_RANGE)

    def _largest(self, kernel: Tensor) -> Tensor:
        if self.groups:
            kernel = tf.reshape(kernel, [-1, self.groups, kernel.shape[-1] // self.groups])
            return tf.reduce_max(tf.abs(kernel), [0, 2])
        if self.channel_axis is None:
            return tf.reduce_max(tf.abs(kernel))
        axis = self.channel_axis % kernel.shape.rank
        return tf.reduce_max(tf.abs(kernel), [i for i in range(kernel.shape.rank) if i != axis])

    def get_config(self) -> Json:
        """Returns what ``from_config`` makes the same quantizer from."""
        return {
            **super().get_config(), "channel_axis": self.channel_axis, "groups": self.groups,
        }


class RemainderQuantizer(WeightQuantizer):
    """Quantizer of the kernel of a RemainderDecoder, per output channel.

    The weights of samples are never trained, and whole numbers of steps: rounded, they would leave
    a part of the samples in. They are multiples of the smallest one, so a range is one of 127, and
    calibrated alone.

    Args:
        exact: the last input channels, which are of samples.
    """

    def __init__(self, bits: int = 8, *, exact: int) -> None:
        super().__init__(bits)
        self.exact = exact

    def get_config(self) -> Json:
        """Returns what ``from_config`` makes the same quantizer from."""
        return {"bits": self.bits, "exact": self.exact}

    def build(self, tensor_shape: Any, name: str, layer: KerasLayer) -> dict[str, Tensor]:
        """Adds the variables of the range to a layer; returns them by name."""
        start = keras.initializers.Constant(256.0)
        return {
            "maximum": layer.add_weight(
                f"{name}_max", (tensor_shape[-1],), initializer=start, trainable=False
            )
        }

    def __call__(
        self, inputs: Tensor, training: bool, weights: Mapping[str, Tensor], **kwargs: Any
    ) -> Tensor:
        """Returns rounded values; in mode ``calibrate`` the values, whose range is measured."""
        latent, samples = self._parts(inputs)
        if self.mode == "calibrate":
            if training:
                weights["maximum"].assign(self._near(self._largest(latent), samples))
            return inputs
        kernel = tf.concat([latent, tf.stop_gradient(samples)], axis=2)
        return super().__call__(kernel, training, weights)

    def fit(self, kernel: Tensor, weights: Mapping[str, Tensor]) -> None:
        """Sets the ranges near those of the least mean squared error of a kernel."""
        latent, samples = self._parts(tf.convert_to_tensor(kernel))
        values = latent.numpy()
        maximum = least_error_maximum(values.reshape(-1, values.shape[-1]), self.bits)
        weights["maximum"].assign(self._near(maximum, samples))

    def _parts(self, kernel: Tensor) -> tuple[Tensor, Tensor]:
        return kernel[:, :, : -self.exact], kernel[:, :, -self.exact :]

    def _near(self, maximum: Tensor, samples: Tensor) -> Tensor:
        """The nearest range, not below, whose step goes into the weights of samples."""
        last = 2 ** (self.bits - 1) - 1
        magnitudes = tf.reshape(tf.abs(samples), [-1, samples.shape[-1]])
        largest = tf.reduce_max(magnitudes, axis=0)
        others = tf.where(magnitudes > 0, magnitudes, largest)
        smallest = tf.reduce_min(others, axis=0)
        needed = tf.maximum(maximum, tf.maximum(largest, SMALLEST_RANGE))
        return last * smallest / tf.maximum(tf.floor(last * smallest / needed), 1)

    def _maximum(self, weights: Mapping[str, Tensor]) -> Tensor:
        return weights["maximum"]


def _follow(mean: Tensor, value: Tensor) -> None:
    mean.assign(CALIBRATION_DECAY * mean + (1 - CALIBRATION_DECAY) * value)


def _forget_start(mean: Tensor, start: float, batches: int) -> None:
    left = CALIBRATION_DECAY**batches
    mean.assign((mean - left * start) / (1 - left))


def _shifted_variable(
    layer: KerasLayer, key: str, name: str, shape: tuple[int, ...], start: float
) -> dict[str, Tensor]:
    """Variables ``key``, which is calibrated, and ``key_shift``, which is trained."""
    return {
        key: layer.add_weight(
            name, shape, initializer=keras.initializers.Constant(start), trainable=False
        ),
        f"{key}_shift": layer.add_weight(f"{name}_shift", shape, initializer="zeros"),
    }
