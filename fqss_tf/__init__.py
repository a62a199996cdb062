"""Fully quantized source separation: train with TensorFlow, run on integers with LiteRT."""

__version__ = "0.1.0"


def __getattr__(name):
    # Loading a model needs TensorFlow, which takes seconds to import: only who asks pays.
    if name == "load_model":
        from fqss_tf.training.run import load_model

        return load_model
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
