"""DPTNet (Chen et al. 2020) as asteroid publishes it, another design."""

from typing import Any

from fqss_tf.models.dptnet_asteroid.sizes import AsteroidDPTNetConfig
from fqss_tf.models.network import Network
from fqss_tf.types import KerasModel


class AsteroidDPTNet(Network[AsteroidDPTNetConfig]):
    """Asteroid's DPTNet."""

    sizes = AsteroidDPTNetConfig()

    def build(self, config: AsteroidDPTNetConfig, **form: Any) -> KerasModel:
        """Builds the Keras model."""
        from fqss_tf.models.dptnet_asteroid.graph import build

        return build(config, **form)
