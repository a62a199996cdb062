"""Two sources that add up to the mixture: a network finds half their difference, d.

The sources are ``x / 2 + d`` and ``x / 2 - d`` of the mixture x. This is mixture consistency
(Wisdom et al. 2019, equal weights) of two sources by construction. One mask and one latent do for
both, and what 8 bits lose in the latent is half as large, because the mixture itself has 16 bits.
"""

from collections.abc import Sequence

import tf_keras as keras

from fqss_tf.layers.context import Delay
from fqss_tf.layers.framing import SamplesToBlocks
from fqss_tf.layers.planes import TakePlane
from fqss_tf.layers.remainder import PLANE
from fqss_tf.layers.sample_sum import SampleSum, copies_for, in_steps
from fqss_tf.models.sizes import EncoderSizes, Residual
from fqss_tf.models.waveform import decoded_blocks, decoder, waveforms
from fqss_tf.types import Tensor

layers = keras.layers
HALF = 0.5
STRETCH = 64  # of what the first planes leave, which then has whole codes and fits


def decoded_sources(
    masked: Tensor, mixture: Tensor, config: EncoderSizes, input_planes: int, output_planes: int,
    residual: Residual = "exact", causal: bool = False, beside: Sequence[Tensor] = (),
) -> list[Tensor]:
    """The waveforms ``[B, S, T, C]`` of each plane of the sources, outputs of the network.

    Args:
        masked: encodings ``[B, latents, M, filters]``.
        mixture: ``[B, 1, T, input_planes * C]``.
        config: sizes; with fewer latents than sources, these add up to the mixture.
        input_planes: as of ``fqss_tf.models.registry.build``.
        output_planes: as there.
        residual: as there.
        causal: as of ``fqss_tf.models.waveform.decoded_blocks``.
        beside: as there.
    """
    if residual != "exact":
        return decoder(masked, config, output_planes, residual)
    decoded = decoded_blocks(masked, config, output_planes, causal, beside)
    if config.latents < config.sources:
        mixed = delayed_mixture(mixture, config, input_planes, causal)
        decoded = shares_of_mixture(mixed, decoded)
    return waveforms(decoded, config, causal)


def delayed_mixture(
    mixture: Tensor, config: EncoderSizes, planes: int, causal: bool
) -> list[Tensor]:
    """Blocks ``[B, 1, blocks, hop]`` of each plane of the mixture, when a decoder gives theirs.

    Args:
        mixture: ``[B, 1, T, planes]``.
        config: sizes.
        planes: of the mixture.
        causal: whether the decoder waits for later frames.
    """
    found = []
    for index in range(planes):
        name = f"shared_{index}"
        plane = TakePlane(index, name=f"{name}_plane")(mixture) if planes > 1 else mixture
        blocks = SamplesToBlocks(config.hop, name=f"{name}_blocks")(plane)
        if causal and config.taps > 1:
            blocks = Delay(config.taps - 1, name=f"{name}_delay")(blocks)
        found.append(blocks)
    return found


def shares_of_mixture(mixture: Sequence[Tensor], difference: Sequence[Tensor]) -> list[Tensor]:
    """Blocks ``[B, 2, blocks, hop]`` of each plane of the two sources.

    A second plane is worth 1/256 of the first and runs over [-1, 1), as the planes of a splitter
    do. It is what the first one leaves out, exactly.

    Args:
        mixture: blocks ``[B, 1, blocks, hop]`` of each of its planes.
        difference: the same of half the difference of the sources.
    """
    planes: list[Tensor] = []
    sources = [
        _source(mixture, difference, sign, f"source_{index}") for index, sign in enumerate((1, -1))
    ]
    for index, plane in enumerate(zip(*sources, strict=True)):
        planes.append(_stacked(plane, f"sources_{index}"))
    return planes


def _source(
    mixture: Sequence[Tensor], difference: Sequence[Tensor], sign: int, name: str
) -> list[Tensor]:
    terms = [(plane, HALF / PLANE**index) for index, plane in enumerate(mixture)]
    terms += [(plane, sign / PLANE**index) for index, plane in enumerate(difference)]
    # A second plane p stands for (p + 1) / 256.
    offset = HALF / PLANE * (len(mixture) > 1) + sign / PLANE * (len(difference) > 1)
    if len(difference) == 1:
        return [_sum(terms, offset, f"{name}_0")]
    flooring = 1 / PLANE  # half a step of 1/128, by which rounding to the nearest is above it
    coarse = _sum(terms, offset - flooring, f"{name}_0")
    first = [mixture[0], difference[0], coarse]
    # What the first planes leave of each other is less than two steps.
    weights = [STRETCH * HALF, STRETCH * sign, -STRETCH]
    left = _sum(list(zip(first, weights, strict=True)), 0.0, f"{name}_left")
    rest = [(left, PLANE / STRETCH)]
    rest += [(plane, HALF) for plane in mixture[1:]] + [(difference[1], sign)]
    return [coarse, _sum(rest, PLANE * offset - 1, f"{name}_1")]


def _sum(terms: Sequence[tuple[Tensor, float]], offset: float, name: str) -> Tensor:
    step = min(abs(weight) for _, weight in terms)
    copies = {id(tensor): copies_for(weight, step) for tensor, weight in terms}
    large = [(tensor, weight) for tensor, weight in terms if copies[id(tensor)] > 1]
    small = [(tensor, weight) for tensor, weight in terms if copies[id(tensor)] == 1]
    inputs, steps = [tensor for tensor, _ in small], [round(weight / step) for _, weight in small]
    if large:
        # Joined once before: TFLM joins ten tensors at most.
        count = max(copies.values())
        joined = _stacked([tensor for tensor, _ in large], f"{name}_large_terms")
        inputs += [joined] * count
        parts = [in_steps(weight, step, count) for _, weight in large]
        steps += [part for copy in zip(*parts, strict=True) for part in copy]
    return SampleSum(steps, step, offset, name=name)(_stacked(inputs, f"{name}_terms"))


def _stacked(tensors: Sequence[Tensor], name: str) -> Tensor:
    # Samples have more bits than bfloat16 holds.
    return layers.Concatenate(axis=1, name=name, dtype=keras.backend.floatx())(list(tensors))
