"""A network as papers write it, converted as tutorials do: what the project's graph is held to."""

from typing import TYPE_CHECKING

import tensorflow as tf

from fqss_tf.errors import FqssError
from fqss_tf.export.graphs import make_converter, run_converter
from fqss_tf.export.segments import levelled_segments
from fqss_tf.models.registry import network_of
from fqss_tf.types import Tensor

if TYPE_CHECKING:
    from fqss_tf.runs.base import BaseRun

REFERENCE_TYPES = ("float32", "int8")


def convert_reference(run: "BaseRun", samples: int, file_type: str) -> bytes:
    """Returns the plainly converted network of a run; int8 by post-training calibration.

    Args:
        run: of a network with ``plain`` forms.
        samples: length of the segment.
        file_type: one of ``REFERENCE_TYPES``.
    """
    plain = network_of(run.config).plain
    if plain is None:
        raise FqssError(f"{run.recipe.network} has no form as papers write it")
    network = plain.graph(run.float_model(), run.config, samples)

    def graph(mixture: Tensor) -> dict[str, Tensor]:
        return {f"source_{source}": output for source, output in enumerate(network(mixture))}

    converter = make_converter(graph, tf.TensorSpec([1, 1, samples, 1], tf.float32, name="mixture"))
    if file_type == "int8":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
        segments = levelled_segments(run.mixtures("dev"), samples)
        converter.representative_dataset = lambda: (
            [segment[None, None, :, None]] for segment, _ in segments
        )
    return run_converter(converter)
