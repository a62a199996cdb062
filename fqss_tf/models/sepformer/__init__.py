"""SepFormer (Subakan et al. 2021) as speechbrain publishes it and FQSS quantizes it."""

from typing import Any

from fqss_tf.models.network import Network
from fqss_tf.models.sepformer.sizes import SepFormerConfig
from fqss_tf.types import KerasModel


class SepFormer(Network[SepFormerConfig]):
    """SepFormer."""

    sizes = SepFormerConfig()

    def build(self, config: SepFormerConfig, **form: Any) -> KerasModel:
        """Builds the Keras model."""
        from fqss_tf.models.sepformer.graph import build

        return build(config, **form)

    def begin(self, model: KerasModel, config: SepFormerConfig) -> None:
        """Begins with cosine filters where that is asked for."""
        if config.initial_filters == "cosine":
            from fqss_tf.models.dual_path_weights import begin_with_small_masks

            begin_with_small_masks(model, config)
