"""HTDemucs (Rouard, Massa and Défossez 2023): two U-Nets and a transformer between them."""

from typing import Any

from fqss_tf.formats import CHANNELS
from fqss_tf.models.htdemucs.sizes import HTDemucsConfig
from fqss_tf.models.network import Network
from fqss_tf.types import KerasModel, Separate


class HTDemucs(Network[HTDemucsConfig]):
    """Hybrid Transformer Demucs."""

    sizes = HTDemucsConfig()
    of_music = True

    def build(
        self, config: HTDemucsConfig, *, input_planes: int = 1, output_planes: int = 1,
        for_export: bool = False, **form: Any,
    ) -> KerasModel:
        """Builds the Keras model; planes are refused."""
        from fqss_tf.models.htdemucs.graph import build

        config.check_output_planes(max(input_planes, output_planes))
        return build(config, for_export=for_export)

    def beside(self, config: HTDemucsConfig, samples: int) -> tuple[int, ...]:
        """Returns ``[1, bins, frames, 4]``."""
        return 1, config.bins, -(-samples // config.hop), 2 * CHANNELS

    def separation(self, model: KerasModel, config: HTDemucsConfig, samples: int) -> Separate:
        """Returns what separates one channel, which is heard in both."""
        import numpy as np

        from fqss_tf.models.inference import hybrid_function

        separate = hybrid_function(model, config.kernel)
        return lambda mixture: separate(
            np.stack([mixture] * CHANNELS, axis=1)
        ).mean(axis=2).astype(np.float32)

    def refusal(self, config: HTDemucsConfig, file_type: str, samples: int) -> str | None:
        """Says that only float32 is made of it."""
        if file_type != "float32":
            return (
                f"{file_type} is refused: the network has GELU, GLU and cross-attention, which are "
                "not quantized here yet: use float32"
            )
        return None
