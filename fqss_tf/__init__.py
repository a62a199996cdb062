"""Fully quantized source separation: train with TensorFlow, run on integers with LiteRT.

    >>> import fqss_tf
    >>> fqss_tf.list_models()
    ['two-voices', 'two-voices-stream']

Everything below is imported when it is first used: ``import fqss_tf`` takes no time, and only
training, conversion and the scores of runs need TensorFlow.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fqss_tf.config import load_recipe as load_recipe
    from fqss_tf.errors import FqssError as FqssError
    from fqss_tf.evaluation.evaluate import evaluate as evaluate
    from fqss_tf.export.convert import convert as convert
    from fqss_tf.runs.run import Run as Run
    from fqss_tf.runs.run import load_model as load_model
    from fqss_tf.runtime.separator import Separator as Separator
    from fqss_tf.runtime.streaming import StreamingSeparator as StreamingSeparator
    from fqss_tf.tflite.shipped import list_models as list_models
    from fqss_tf.training.stages import train as train

__version__ = "0.1.0"
_HOMES = {
    "FqssError": "fqss_tf.errors",
    "Run": "fqss_tf.runs.run",
    "Separator": "fqss_tf.runtime.separator",
    "StreamingSeparator": "fqss_tf.runtime.streaming",
    "convert": "fqss_tf.export.convert",
    "evaluate": "fqss_tf.evaluation",
    "list_models": "fqss_tf.tflite.shipped",
    "load_model": "fqss_tf.runs.run",
    "load_recipe": "fqss_tf.config",
    "train": "fqss_tf.training.stages",
}
__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
