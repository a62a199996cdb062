"""Scales of a ConvTasNet's channels; ``fqss_tf.quantization.equalization`` says what for."""

import re
from collections.abc import Sequence

import numpy as np

from fqss_tf.models import waveform_weights
from fqss_tf.models.convtasnet.sizes import ConvTasNetConfig, Norm
from fqss_tf.models.masking import MASK_CHANGE
from fqss_tf.models.network import ChannelRanges
from fqss_tf.models.waveform_weights import DECODERS, multiply_latent
from fqss_tf.types import FloatArray, KerasModel

# Of one plane each, and their sum.
BOTTLENECKS = re.compile(r"bottleneck(_sum)?(_\d+)?")
# What makes masks and their mean, but for a gain that a norm leaves between.
MASKS = re.compile(rf"mask_\d+(_offset)?|{MASK_CHANGE}")
# Channels that hardly ever sound are not blown up further.
LEAST_SHARE = 1e-3
# By norm. A size between the root mean square and the peak (infinite): behind a PReLU and a global
# norm, a rare peak shall not make a channel small.
EXPONENTS: dict[Norm, float] = {"global": 8.0, "batch": np.inf}
# 0 to 1, how far channels are equalized that a convolution adds up: its weights have one scale for
# all inputs, and take over the inequality.
STRENGTHS: dict[Norm, float] = {"global": 0.75, "batch": 0.5}
# How far the gain of a channel may be from the usual one: 8 bits have few steps for the small ones.
MOST_GAIN = 2.0


def equalize(network: KerasModel, config: ConvTasNetConfig, ranges: ChannelRanges) -> None:
    """Equalizes the channels of a network, in place; arguments as of ``Network.equalize``."""
    _Equalization(network, config, ranges).equalize()


def scale_latent(network: KerasModel, factor: float) -> None:
    """Scales the encoding, in place; arguments as of ``Network.scale_latent``."""
    waveform_weights.scale_latent(network, factor)
    names = {layer.name for layer in network.layers}
    for name in ("bottleneck_norm_mean", "bottleneck_norm_variance"):
        if name in names:
            (scales,) = network.get_layer(name).get_weights()
            network.get_layer(name).set_weights([scales / factor])
    if "bottleneck" in names:
        kernel, *bias = network.get_layer("bottleneck").get_weights()
        network.get_layer("bottleneck").set_weights([kernel / factor, *bias])


def scale_masks(network: KerasModel, factor: float) -> None:
    """Scales the masks, in place; arguments as of ``Network.scale_masks``."""
    for layer in network.layers:
        if MASKS.fullmatch(layer.name):
            layer.set_weights([values * factor for values in layer.get_weights()])
        elif DECODERS.fullmatch(layer.name):
            channels = network.get_layer("masked").output.shape[-1]
            multiply_latent(layer, np.full(channels, 1 / factor))


class _Equalization:
    def __init__(
        self, network: KerasModel, config: ConvTasNetConfig, ranges: ChannelRanges
    ) -> None:
        self.network, self.config = network, config
        self.strength = STRENGTHS[config.norm]
        self.names = {layer.name for layer in network.layers}
        self.bottlenecks = [name for name in sorted(self.names) if BOTTLENECKS.fullmatch(name)]
        self.latents = range(config.latents)
        self.blocks = range(len(config.dilations))
        self.ranges = ranges(self._measured(), EXPONENTS[config.norm])

    def _measured(self) -> set[str]:
        places = {"encoder_0", "encoder_sum_1", "mask_prelu", "mask_relu", MASK_CHANGE}
        for index in self.blocks:
            places |= {
                f"block_{index}_{place}{suffix}"
                for place in ("in", "in_norm_shifted", "depthwise")
                for suffix in ("", "_prelu", "_relu")
            } | {
                f"block_{index}_{place}"
                for place in ("residual", "residual_sum", "skip", "skip_sum")
            }
        places |= {*self.bottlenecks, "bottleneck_normed", "block_0_skip_normed"}
        places |= {f"mask_{latent}" for latent in self.latents}
        return places & self.names

    def equalize(self) -> None:
        encoded = self.scales("encoder_0", "encoder_sum_1", strength=1.0)
        masks = self.mask_scales()
        trunk = self.scales(
            *self.bottlenecks, "bottleneck_normed",
            *(f"block_{index}_residual_sum" for index in self.blocks), strength=self.strength,
        )
        skips = self.scales(
            "block_0_skip", "block_0_skip_normed", "mask_prelu", "mask_relu",
            *(f"block_{index}_skip_sum" for index in self.blocks), strength=self.strength,
        )
        for name in sorted(self.names):
            if name.startswith("encoder_") and "sum" not in name and "past" not in name:
                self.divide_outputs(name, encoded)
            if DECODERS.fullmatch(name):
                multiply_latent(self.network.get_layer(name), encoded * masks)
            if name.startswith("residual_encoder_") and name[-1].isdigit():
                self.divide_outputs(name, encoded * masks)
        if MASK_CHANGE in self.names:
            self.divide_outputs(MASK_CHANGE, masks)
        self.tell_statistics("bottleneck_norm", encoded)
        self.bottleneck(encoded, trunk)
        for index in self.blocks:
            self.block(f"block_{index}", trunk, skips)
        for latent in self.latents:
            self.pointwise(f"mask_{latent}", skips, masks)

    def bottleneck(self, encoded: FloatArray, trunk: FloatArray) -> None:
        """The 1x1 convolution of the encoding, or what filters the samples in its place."""
        if "bottleneck" in self.names:
            self.multiply_inputs("bottleneck", encoded)
        self.outputs("bottleneck", trunk, self.bottlenecks)

    def mask_scales(self) -> FloatArray:
        names = [f"mask_{latent}" for latent in self.latents]
        if f"{names[0]}_sigmoid" in self.names:
            return np.ones_like(self.ranges[names[0]])
        changes = [MASK_CHANGE] if MASK_CHANGE in self.names else names
        return self.scales(*changes, strength=self.strength)

    def block(self, name: str, trunk: FloatArray, skips: FloatArray) -> None:
        widened = self.scales(f"{name}_in", f"{name}_in_prelu", f"{name}_in_relu", strength=1.0)
        convolved = self.scales(
            f"{name}_depthwise", f"{name}_depthwise_prelu", f"{name}_depthwise_relu",
            strength=self.strength,
        )
        self.pointwise(f"{name}_in", trunk, widened)
        normed = widened
        if f"{name}_in_norm_gain" in self.names:
            normed = self.normed_scales(f"{name}_in_norm", widened)
            self.tell_statistics(f"{name}_in_norm", widened)
            self.divide_outputs(f"{name}_in_norm_gain", normed / widened)
            self.divide_outputs(f"{name}_in_norm_shift", normed)
        self.tell_statistics(f"{name}_depthwise_norm", convolved)
        kernel, *bias = self.weights(f"{name}_depthwise")
        self.set_weights(
            f"{name}_depthwise",
            [kernel * (normed / convolved)[:, None], *(values / convolved for values in bias)],
        )
        self.pointwise(f"{name}_skip", convolved, skips)
        if f"{name}_residual" in self.names:
            self.pointwise(f"{name}_residual", convolved, trunk)

    def scales(self, *names: str, strength: float) -> FloatArray:
        """What each channel is divided by where the tensors of these names are one in the end."""
        found = [self.ranges[name] for name in names if name in self.ranges]
        largest = np.max(found, axis=0)
        least = max(LEAST_SHARE * largest.max(), np.finfo(np.float32).tiny)
        largest = np.maximum(largest, least) ** strength
        return largest / np.exp(np.mean(np.log(largest)))

    def weights(self, name: str) -> list[FloatArray]:
        return self.network.get_layer(name).get_weights()

    def set_weights(self, name: str, values: list[FloatArray]) -> None:
        self.network.get_layer(name).set_weights(values)

    def pointwise(self, name: str, inputs: FloatArray, outputs: FloatArray) -> None:
        """A 1x1 convolution, and the offset that a norm before it leaves to add."""
        self.multiply_inputs(name, inputs)
        self.outputs(name, outputs, [name])

    def outputs(self, name: str, scales: FloatArray, parts: Sequence[str]) -> None:
        """What layers add up to, and the gain and offset of a norm before them."""
        own = scales
        if f"{name}_gain" in self.names:
            own = self.own_scales(parts, scales)
            self.divide_outputs(f"{name}_gain", scales / own)
            self.divide_outputs(f"{name}_offset", scales)
        for part in parts:
            self.divide_outputs(part, own)

    def normed_scales(self, norm: str, widened: FloatArray) -> FloatArray:
        """Scales behind the gain of a norm, with its signs: no gain is far above the others."""
        gain = self.weights(f"{norm}_gain")[0][0, 0, 0] * widened
        scales = self.scales(f"{norm}_shifted", strength=1.0)
        least = np.abs(gain) / (MOST_GAIN * np.median(np.abs(gain) / scales))
        return np.maximum(scales, least) * np.where(gain < 0, -1, 1)

    def own_scales(self, parts: Sequence[str], behind: FloatArray) -> FloatArray:
        """Scales before a gain that makes those ``behind`` it, of 8 bits for all channels."""
        relative = self.scales(*parts, strength=1.0) / behind
        relative /= np.median(relative)
        return behind * np.clip(relative, 1 / MOST_GAIN, MOST_GAIN)

    def multiply_inputs(self, name: str, scales: FloatArray) -> None:
        kernel, *bias = self.weights(name)
        self.set_weights(name, [kernel * scales[:, None], *bias])

    def divide_outputs(self, name: str, scales: FloatArray) -> None:
        self.set_weights(name, [values / scales for values in self.weights(name)])

    def tell_statistics(self, norm: str, scales: FloatArray) -> None:
        """Statistics of a norm are of the channels as they were."""
        for name in (f"{norm}_mean", f"{norm}_variance"):
            if name in self.names:
                self.set_weights(name, [values * scales for values in self.weights(name)])
