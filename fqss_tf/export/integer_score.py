"""The score that a network in training would have as an int8 .tflite now."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fqss_tf.audio.levels import at_peak_1
from fqss_tf.export.convert import check_fully_integer, file_metadata
from fqss_tf.metrics import mean_si_sdr
from fqss_tf.runtime.chunking import chunk_order, default_overlap, separate_in_chunks
from fqss_tf.runtime.engine import Engine
from fqss_tf.tflite.file import TfliteFile
from fqss_tf.tflite.metadata import write_metadata
from fqss_tf.types import Arrays, MixturePair, Separate

if TYPE_CHECKING:
    from fqss_tf.runs.base import BaseRun


class IntegerScore:
    """Converts weights to int8 and scores the file, beside their simulation, on mixtures.

    Both see the same segments, of the length that a converted run would take, so that the gap
    between them is what integers alone do.

    Args:
        run: one whose float network is trained.
        mixtures: (mixture [T], sources [S, T]) pairs.
    """

    def __init__(self, run: "BaseRun", mixtures: Sequence[MixturePair]) -> None:
        from fqss_tf.models.inference import separation_function

        self._run = run
        self._mixtures = mixtures
        self._samples = run.recipe.segment()
        self._model = run.uncalibrated_model(run.planes)
        self._simulation = separation_function(self._model)

    def __call__(self, weights: Arrays) -> tuple[float, float]:
        """Scores the weights of ``run.quantized_model()``, by name.

        Returns:
            (mean SI-SDR of the integer model in dB, the same minus that of the simulation).

        Raises:
            FqssError: the network does not convert to integers.
        """
        from fqss_tf.export.graphs import convert_quantized
        from fqss_tf.quantization.bias import snap_biases
        from fqss_tf.quantization.wrap import set_mode
        from fqss_tf.runs.weights import assign_arrays, named_variables

        assign_arrays(named_variables(self._model), weights, self._run.name)
        snap_biases(self._model)
        inputs, outputs = self._run.planes
        set_mode(self._model, "deploy")
        try:
            content = convert_quantized(self._model, (1, 1, self._samples, inputs), outputs)
        finally:
            set_mode(self._model, "quantize")
        metadata = file_metadata(self._run, self._samples, self._run.planes, "int8",
                                 self._run.method)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "now.tflite"
            path.write_bytes(write_metadata(content, metadata))
            check_fully_integer(TfliteFile.open(path).report)
            integer = self._mean_si_sdr(Engine(path).forward)
        return integer, integer - self._mean_si_sdr(self._simulation)

    def _mean_si_sdr(self, forward: Separate) -> float:
        overlap = default_overlap(self._samples)
        in_order = self._run.recipe.has_named_sources
        order = chunk_order(in_order)
        return float(np.mean([
            mean_si_sdr(
                separate_in_chunks(
                    at_peak_1(mixture), forward, self._samples, overlap, order=order
                ),
                sources, in_order,
            )
            for mixture, sources in self._mixtures
        ]))
