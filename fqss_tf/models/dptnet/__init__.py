"""DPTNet (Chen et al. 2020) as its authors publish it and FQSS quantizes it."""

from typing import Any

from fqss_tf.models.dptnet.sizes import DPTNetConfig
from fqss_tf.models.network import Network
from fqss_tf.types import KerasModel


class DPTNet(Network[DPTNetConfig]):
    """The authors' DPTNet."""

    sizes = DPTNetConfig()

    def build(self, config: DPTNetConfig, **form: Any) -> KerasModel:
        """Builds the Keras model."""
        from fqss_tf.models.dptnet.graph import build

        return build(config, **form)

    def begin(self, model: KerasModel, config: DPTNetConfig) -> None:
        """Begins with cosine filters where that is asked for."""
        if config.initial_filters == "cosine":
            from fqss_tf.models.dual_path_weights import begin_with_small_masks

            begin_with_small_masks(model, config)
