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
