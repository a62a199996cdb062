"""ConvTasNets of a few channels, in the forms that their latent is tried in."""

import dataclasses

import tf_keras as keras

from fqss_tf.models import registry
from fqss_tf.models.convtasnet.sizes import ConvTasNetConfig

TINY = ConvTasNetConfig(
    filters=64, kernel=32, hop=16, bottleneck=8, skip=8, hidden=16, blocks=2, repeats=1,
    norm="batch", activation="relu",
)
SIZES = {
    "batch": TINY,
    "rectified": dataclasses.replace(TINY, features="rectified"),
    "causal": dataclasses.replace(TINY, causal=True),
    "one source": dataclasses.replace(TINY, sources=1),
    "sigmoid": dataclasses.replace(TINY, mask_activation="sigmoid"),
    "global": dataclasses.replace(TINY, norm="global", activation="prelu"),
}


def quiet(config):
    """A float network of random weights whose estimates are within full scale."""
    keras.utils.set_random_seed(0)
    model = registry.build(config)
    kernel = model.get_layer("decoder_0").get_weights()[0]
    model.get_layer("decoder_0").set_weights([0.1 * kernel])
    return model


def waveforms(network, mixtures, config):
    """Of the coarse stage; without the frames at both ends, where the overlap is not whole."""
    coarse = keras.Model(network.input, network.get_layer("stage_0").output)
    return coarse(mixtures).numpy()[:, :, config.kernel : -config.kernel]
