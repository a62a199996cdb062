"""DPRNN-TasNet (Luo, Chen and Yoshioka 2020) as asteroid publishes it."""

from typing import Any

from fqss_tf.models.dprnn.sizes import DPRNNConfig
from fqss_tf.models.network import Network
from fqss_tf.types import KerasModel


class DPRNN(Network[DPRNNConfig]):
    """DPRNN-TasNet."""

    sizes = DPRNNConfig()

    def build(self, config: DPRNNConfig, **form: Any) -> KerasModel:
        """Builds the Keras model."""
        from fqss_tf.models.dprnn.graph import build

        return build(config, **form)

    def begin(self, model: KerasModel, config: DPRNNConfig) -> None:
        """Begins with cosine filters where that is asked for."""
        if config.initial_filters == "cosine":
            from fqss_tf.models.dual_path_weights import begin_with_small_masks

            begin_with_small_masks(model, config)
