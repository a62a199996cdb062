"""Two sources that add up to the mixture: a network finds one waveform that tells them apart.

Either half their difference, d: the sources are ``x / 2 + d`` and ``x / 2 - d`` of the mixture x.
This is mixture consistency (Wisdom et al. 2019, equal weights) of two sources by construction. Or
(``first_is_rest``) the second source, s: the first one is ``x - s``. One mask and one latent do for
both, and 8 bits lose less: the mixture itself has 16 bits. The less of it the latent holds, the
finer are its steps: s is nothing where the first source is alone, d is half of it.
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
        decoded = shares_of_mixture(mixed, decoded, config.first_share)
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


def shares_of_mixture(
    mixture: Sequence[Tensor], decoded: Sequence[Tensor], first_share: float
) -> list[Tensor]:
    """Blocks ``[B, 2, blocks, hop]`` of each plane of the two sources.

    A second plane is worth 1/256 of the first and runs over [-1, 1), as the planes of a splitter
    do. It is what the first one leaves out, exactly.

    Args:
        mixture: blocks ``[B, 1, blocks, hop]`` of each of its planes.
        decoded: the same of half the difference of the sources, or of the second one.
        first_share: as of ``EncoderSizes``; 1 tells that it is the second one.
    """
    planes: list[Tensor] = []
    if first_share == 1:
        sources = [_source(mixture, decoded, 1.0, -1, "source_0"), decoded]
    else:
        sources = [
            _source(mixture, decoded, first_share, 1, "source_0"),
            _source(mixture, decoded, 1 - first_share, -1, "source_1"),
        ]
    for index, plane in enumerate(zip(*sources, strict=True)):
        planes.append(_stacked(plane, f"sources_{index}"))
    return planes


def _source(
    mixture: Sequence[Tensor], decoded: Sequence[Tensor], share: float, sign: int, name: str
) -> list[Tensor]:
    terms = [(plane, share / PLANE**index) for index, plane in enumerate(mixture)]
    terms += [(plane, sign / PLANE**index) for index, plane in enumerate(decoded)]
    # A second plane p stands for (p + 1) / 256.
    offset = share / PLANE * (len(mixture) > 1) + sign / PLANE * (len(decoded) > 1)
    if len(decoded) == 1:
        return [_sum(terms, offset, f"{name}_0")]
    flooring = 1 / PLANE  # half a step of 1/128, by which rounding to the nearest is above it
    coarse = _sum(terms, offset - flooring, f"{name}_0")
    first = [mixture[0], decoded[0], coarse]
    # What the first planes leave of each other is less than two steps.
    weights = [STRETCH * share, STRETCH * sign, -STRETCH]
    left = _sum(list(zip(first, weights, strict=True)), 0.0, f"{name}_left")
    rest = [(left, PLANE / STRETCH)]
    rest += [(plane, share) for plane in mixture[1:]] + [(decoded[1], sign)]
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
