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
