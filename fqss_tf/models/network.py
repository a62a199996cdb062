"""What a network offers to the rest of the package; ``registry`` lists the networks.

No TensorFlow: the methods that need it import it.
"""

import abc
from collections.abc import Callable, Set
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from fqss_tf.formats import SpectrogramForm
from fqss_tf.models.sizes import EncoderSizes
from fqss_tf.types import (
    Arrays,
    FloatArray,
    Json,
    KerasModel,
    LayerWeights,
    NetworkInputs,
    Separate,
    Tensor,
)

Sizes = TypeVar("Sizes", bound=EncoderSizes)
# Layers whose outputs are the inputs of a .tflite: of the mixture, and of what is heard beside it.
SPLITTERS = ("splitter", "beside_splitter")


class ChannelRanges(Protocol):
    """Names of layers -> how large ``[C]`` each channel of their outputs is."""

    def __call__(self, names: Set[str], exponent: float = np.inf) -> dict[str, FloatArray]:
        """Measures it.

        Args:
            names: of the layers.
            exponent: p of the mean ``mean(|x|^p)^(1/p)`` that counts; infinite: the largest
                magnitude.
        """


class PlainForms(abc.ABC, Generic[Sizes]):
    """A network as papers and tutorials write it, to compare with."""

    @abc.abstractmethod
    def graph(
        self, model: KerasModel, config: Sizes, samples: int
    ) -> Callable[[Tensor], list[Tensor]]:
        """Returns a float network in the ops of its publication, batch 1, static length.

        Args:
            model: float Keras model of ``Network.build``.
            config: its sizes.
            samples: length of the mixture, a multiple of the hop.

        Returns:
            Function float32 [1, 1, samples, 1] -> list of the sources' estimates, of that shape.
        """

    @abc.abstractmethod
    def module(self, config: Sizes) -> Any:
        """Returns a module of PyTorch with random weights, ``[B, T]`` -> ``[B, S, T]``."""


class Network(abc.ABC, Generic[Sizes]):
    """What a network offers; those that are special in nothing have only sizes and ``build``.

    ``sizes``: the published ones, whose type tells the network. ``plain``: what to compare it with.
    ``of_music``: its estimates have the level of the sources, and where no songs are named, speech
    in noise stands in. ``recomputes``: its gradient can compute it again in segments
    (``QuantizationRecipe``). ``is_unet``: the integers of its file may part from their simulation
    as those of U-Nets over spectrograms do. ``analyzed``: ``fqss-tf analyze`` takes its runs.
    ``untried``: file types never tried with it, which are refused.
    """

    sizes: Sizes
    plain: PlainForms[Sizes] | None = None
    of_music: bool = False
    recomputes: bool = False
    is_unet: bool = False
    analyzed: bool = False
    untried: tuple[str, ...] = ("int16x8",)

    @abc.abstractmethod
    def build(self, config: Sizes, **form: Any) -> KerasModel:
        """Builds the Keras model; arguments as of ``fqss_tf.models.registry.build``."""

    def spectrogram(self, config: Sizes, samples: int) -> SpectrogramForm | None:
        """Returns what a network hears of a segment, if it is magnitudes; None: the samples.

        Args:
            config: its sizes.
            samples: of the segment, a multiple of ``config.segment_step``.
        """
        return None

    def inputs(self, mixtures: FloatArray | Tensor, config: Sizes) -> NetworkInputs:
        """Returns what the Keras model takes of mixtures ``[B, T]``, such as ``[B, 1, T, C]``.

        All C channels of the network are alike.
        """
        one = mixtures[:, None, :, None]
        return one if config.audio_channels == 1 else np.repeat(one, config.audio_channels, axis=3)

    def graph_shape(self, config: Sizes, samples: int, planes: int) -> tuple[int, ...]:
        """Returns the shape of the input of a .tflite, with its planes and for one segment."""
        return 1, 1, samples, planes * config.audio_channels

    def beside(self, config: Sizes, samples: int, planes: int = 1) -> tuple[int, ...] | None:
        """Returns the shape of the spectrogram that a .tflite hears beside the waveform, if any."""
        return None

    def description(self, model: KerasModel) -> Json:
        """Returns what the description of an int8 file says besides; ``model`` is quantized."""
        return {}

    def separation(self, model: KerasModel, config: Sizes, samples: int) -> Separate:
        """Returns what separates one channel by a Keras model of ``build``.

        Args:
            model: the Keras model.
            config: its sizes.
            samples: of the segment.
        """
        from fqss_tf.models.inference import separation_function

        return separation_function(model, config.audio_channels)

    def estimates(
        self, model: Callable[..., Tensor], mixtures: Tensor, config: Sizes, training: bool = False
    ) -> Tensor:
        """Returns estimates [B, S, T] of mixtures [B, T] as training needs them: with a gradient.

        Args:
            model: the Keras model of ``build``, or what computes the same.
            mixtures: float32, segments of static length.
            config: its sizes.
            training: whether layers behave as they do in training.
        """
        from fqss_tf.models.inference import estimates_of_samples

        return estimates_of_samples(model, mixtures, training, config.audio_channels)

    def begin(self, model: KerasModel, config: Sizes) -> None:
        """Sets the weights that training begins with, in place, where they are not all random.

        Args:
            model: float, with random weights.
            config: its sizes.
        """

    def widths(self, config: Sizes) -> tuple[str, ...]:
        """Returns the sizes in which training may begin from a narrower network."""
        return ()

    def adapted(self, weights: Arrays, before: Sizes, config: Sizes) -> Arrays:
        """Returns the weights of a network of other sizes in the form that these sizes ask for.

        Args:
            weights: by name.
            before: the sizes of their network.
            config: sizes that may differ from them in what ``widths`` says.
        """
        return weights

    def plane_weights(
        self, weights: LayerWeights, config: Sizes, input_planes: int, output_planes: int
    ) -> LayerWeights | None:
        """Returns folded weights for planes; None for those of an encoder and decoder of blocks.

        These are made by ``fqss_tf.quantization.folding``.

        Args:
            weights: as ``fold`` returns them.
            config: the sizes.
            input_planes: as of ``fqss_tf.models.registry.build``.
            output_planes: as there.
        """
        return None

    def fold(self, weights: LayerWeights, model: KerasModel, config: Sizes) -> LayerWeights:
        """Returns weights for the form that is exported, if norms have to move for it.

        Args:
            weights: of the float network, by the names of its layers.
            model: the float network.
            config: its sizes.
        """
        return weights

    def filters_of_samples(self, config: Sizes) -> tuple[str, ...]:
        """Returns what the names of convolutions that read planes of the mixture begin with."""
        return ("encoder",)

    def equalize(
        self, network: KerasModel, config: Sizes, ranges: ChannelRanges
    ) -> None:
        """Equalizes channels in place; does nothing where norms are over channels.

        Args:
            network: float, from ``fqss_tf.quantization.folding.add_planes``.
            config: its sizes.
            ranges: measures the channels of some layers.
        """

    def latents(self, config: Sizes) -> tuple[str, ...]:
        """Returns the layers whose outputs decoders read, beside samples in a second plane."""
        return ("masked",)

    def scale_latent(
        self, network: KerasModel, config: Sizes, factor: float, latent: str = "masked"
    ) -> None:
        """Multiplies a latent by a factor and divides by it what decodes it, in place.

        As it is, this suits a network whose norm behind the encoder takes levels out.

        Args:
            network: as of ``equalize``.
            config: its sizes.
            factor: above 0.
            latent: which of ``latents``.
        """
        from fqss_tf.models.waveform_weights import scale_latent

        scale_latent(network, factor)

    def scale_masks(self, network: KerasModel, config: Sizes, factor: float) -> None:
        """Multiplies masks by a factor and divides by it what decodes the latent, in place.

        Does nothing where the range of masks is fixed. Arguments as of ``scale_latent``.
        """

    def streams(self, config: Sizes) -> bool:
        """Returns whether a network of these sizes can run in steps."""
        return False

    def refusal(self, config: Sizes, file_type: str, samples: int) -> str | None:
        """Says why a file of this type cannot be; None if it can.

        Args:
            config: sizes of the network.
            file_type: one of ``fqss_tf.formats.FILE_TYPES``.
            samples: of the segment that the file takes.
        """
        return None


class SpectrogramNetwork(Network[Sizes]):
    """A network that hears magnitudes of a spectrogram and says masks, not samples."""

    of_music = True
    is_unet = True

    @abc.abstractmethod
    def spectrogram(self, config: Sizes, samples: int) -> SpectrogramForm:
        """Returns what it hears of a segment; arguments as of ``Network.spectrogram``."""

    def separation(self, model: KerasModel, config: Sizes, samples: int) -> Separate:
        """Returns what separates by masks, for any length."""
        from fqss_tf.models.inference import mask_function

        return mask_function(model, self.spectrogram(config, samples), config.sources)

    def estimates(
        self, model: Callable[..., Tensor], mixtures: Tensor, config: Sizes, training: bool = False
    ) -> Tensor:
        """Returns estimates by masks; a segment follows itself."""
        from fqss_tf.models.ratio_masks import looped_estimates

        form = self.spectrogram(config, mixtures.shape[1])
        return looped_estimates(
            mixtures, lambda heard: model(heard, training=training), form
        )

    @abc.abstractmethod
    def inputs(self, mixtures: FloatArray | Tensor, config: Sizes) -> NetworkInputs:
        """Returns magnitudes ``[B, frames, bins, 2]`` of mixtures ``[B, T]``."""

    @abc.abstractmethod
    def graph_shape(self, config: Sizes, samples: int, planes: int) -> tuple[int, ...]:
        """Returns ``[1, frames, bins, 2 * planes]``."""

    @abc.abstractmethod
    def published(self, model: KerasModel, config: Sizes) -> KerasModel:
        """Returns the network in the form that its publisher gave it.

        Args:
            model: of ``build``, not for export.
            config: its sizes.
        """
