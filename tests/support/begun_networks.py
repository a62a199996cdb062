"""Networks as float training begins with them, and mixtures of 16-bit samples."""

import numpy as np
import tf_keras as keras

from fqss_tf.models import registry


def begun(config):
    """A float network as training begins with it, always the same."""
    keras.utils.set_random_seed(0)
    model = registry.build(config)
    registry.network_of(config).begin(model, config)
    return model


def noise_mixture(samples):
    """Noise of 16-bit samples, float32 [2, 1, samples, 1]."""
    noise = np.random.default_rng(1).integers(-(2**14), 2**14, (2, 1, samples, 1))
    return (noise / 2**15).astype(np.float32)
