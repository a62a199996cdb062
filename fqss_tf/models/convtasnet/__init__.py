"""ConvTasNet (Luo and Mesgarani 2019) as asteroid publishes it and FQSS quantizes it."""

from collections.abc import Callable
from typing import Any

from fqss_tf.errors import FqssError
from fqss_tf.models.convtasnet.sizes import ConvTasNetConfig
from fqss_tf.models.network import ChannelRanges, Network, PlainForms
from fqss_tf.types import Arrays, KerasModel, LayerWeights, Tensor

# LiteRT 2.3 adds up int16 in 32 bits: more full-scale values overflow, without a word.
INT16_MEAN_VALUES = 2**16


class Plain(PlainForms[ConvTasNetConfig]):
    """ConvTasNet as papers write it; for norm ``global`` or ``batch``, and not causal."""

    def graph(
        self, model: KerasModel, config: ConvTasNetConfig, samples: int
    ) -> Callable[[Tensor], list[Tensor]]:
        """Returns it in TensorFlow's ops."""
        from fqss_tf.models.convtasnet.reference import reference_model

        return reference_model(model, config, samples)

    def module(self, config: ConvTasNetConfig) -> Any:
        """Returns it in PyTorch."""
        from fqss_tf.models.convtasnet.torch_network import TorchConvTasNet

        return TorchConvTasNet(config)


class ConvTasNet(Network[ConvTasNetConfig]):
    """ConvTasNet: the network that is tried in everything."""

    sizes = ConvTasNetConfig()
    plain = Plain()
    recomputes = True
    analyzed = True
    untried = ()

    def build(self, config: ConvTasNetConfig, **form: Any) -> KerasModel:
        """Builds the Keras model."""
        from fqss_tf.models.convtasnet.graph import build

        return build(config, **form)

    def begin(self, model: KerasModel, config: ConvTasNetConfig) -> None:
        """Begins with cosine filters where that is asked for."""
        if config.initial_filters == "cosine":
            from fqss_tf.models.convtasnet.start import begin_with_shares

            begin_with_shares(model, config)

    def widths(self, config: ConvTasNetConfig) -> tuple[str, ...]:
        """Returns those of the channels between encoder and masks; a global norm joins them.

        And whether the first source is the rest, which is no width but can be told later, too.
        """
        widths = ("bottleneck", "skip", "hidden") if config.norm == "batch" else ()
        return (*widths, "first_is_rest")

    def adapted(
        self, weights: Arrays, before: ConvTasNetConfig, config: ConvTasNetConfig
    ) -> Arrays:
        """Returns weights that find the second source instead of half the difference.

        Raises:
            FqssError: the masks are not linear.
        """
        if before.first_is_rest == config.first_is_rest:
            return weights
        if config.mask_activation != "linear":
            raise FqssError(
                f"model.mask_activation is {config.mask_activation}: only a network of linear "
                "masks can begin from one without model.first_is_rest"
            )
        from fqss_tf.models.convtasnet.rest import second_source

        return second_source(weights, config)

    def fold(
        self, weights: LayerWeights, model: KerasModel, config: ConvTasNetConfig
    ) -> LayerWeights:
        """Returns weights in which norms have gone into convolutions."""
        from fqss_tf.models.convtasnet.folding import folded

        return folded(weights, model, config)

    def filters_of_samples(self, config: ConvTasNetConfig) -> tuple[str, ...]:
        """Returns the encoder and, where it is exported as a filter, the bottleneck."""
        return ("encoder", "bottleneck") if config.bottleneck_hears_samples else ("encoder",)

    def equalize(
        self, network: KerasModel, config: ConvTasNetConfig, ranges: ChannelRanges
    ) -> None:
        """Equalizes the channels, whose ranges differ much in a trained network."""
        from fqss_tf.models.convtasnet.equalization import equalize

        equalize(network, config, ranges)

    def scale_latent(
        self, network: KerasModel, config: ConvTasNetConfig, factor: float, latent: str = "masked"
    ) -> None:
        """Scales the encoding, and the bottleneck against it."""
        from fqss_tf.models.convtasnet.equalization import scale_latent

        scale_latent(network, factor)

    def scale_masks(
        self, network: KerasModel, config: ConvTasNetConfig, factor: float
    ) -> None:
        """Scales masks that have no sigmoid."""
        from fqss_tf.models.convtasnet.equalization import scale_masks

        if config.mask_activation != "sigmoid":
            scale_masks(network, factor)

    def streams(self, config: ConvTasNetConfig) -> bool:
        """Returns whether it is causal."""
        return config.causal

    def refusal(self, config: ConvTasNetConfig, file_type: str, samples: int) -> str | None:
        """Says that a global norm in 16 bits would overflow."""
        values = samples // config.hop * max(config.filters, config.hidden)
        if file_type == "int16x8" and config.norm == "global" and values > INT16_MEAN_VALUES:
            return (
                f"int16x8 is refused: a global layer norm over {values} values overflows LiteRT's "
                f"16-bit MEAN beyond {INT16_MEAN_VALUES}: use int8, norm batch or less --seconds"
            )
        return None
