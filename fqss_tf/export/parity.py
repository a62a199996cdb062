"""How far a .tflite, as it runs, is from the Keras model that it was made from."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from fqss_tf.metrics import mean_si_sdr
from fqss_tf.runtime.engines import open_engine
from fqss_tf.runtime.streaming import StreamingSeparator
from fqss_tf.tflite.file import TfliteFile
from fqss_tf.types import MixturePair, Separate


@dataclasses.dataclass(frozen=True)
class Parity:
    """How far a .tflite is from its Keras model, over all segments.

    ``sqnr_db``: of the .tflite against Keras. ``si_sdr_difference_db``: its mean SI-SDR minus that
    of Keras.
    """

    sqnr_db: float
    si_sdr_difference_db: float


def one_segment(file: TfliteFile, reference_kernels: bool) -> Separate:
    """Returns mixture [segment] of peak 1 -> estimates [S, segment] of a whole-segment file."""
    return open_engine(file, reference_kernels=reference_kernels).forward


def whole_stream(file: TfliteFile, reference_kernels: bool) -> Separate:
    """Returns the same for a streaming model, which takes any length."""
    separator = StreamingSeparator(file, gain=0, reference_kernels=reference_kernels)
    return lambda mixture: np.stack(list(separator.separate(mixture).values()))


def compare(
    separate: Separate,
    open_file: Callable[[TfliteFile, bool], Separate],
    file: TfliteFile,
    segments: Sequence[MixturePair],
) -> dict[str, Parity]:
    """Runs a .tflite and its Keras model on the same segments, with reference and fast kernels.

    Args:
        separate: the Keras model, as ``fqss_tf.models.inference`` makes a function of it.
        open_file: function (file, whether with reference kernels) -> function mixture [T] ->
            estimates [S, T].
        file: the .tflite.
        segments: (mixture [T], sources [S, T]) pairs.

    Returns:
        For ``reference`` and ``xnnpack`` kernels, how far the .tflite is from Keras.
    """
    keras_estimates = [separate(mixture) for mixture, _ in segments]
    result = {}
    for kernels in ("reference", "xnnpack"):
        separate_integers = open_file(file, kernels == "reference")
        signal = noise = difference = 0.0
        for (mixture, sources), expected in zip(segments, keras_estimates, strict=True):
            estimates = separate_integers(mixture)
            signal += np.sum(expected.astype(np.float64) ** 2)
            noise += np.sum((estimates - expected).astype(np.float64) ** 2)
            difference += mean_si_sdr(estimates, sources) - mean_si_sdr(expected, sources)
        result[kernels] = Parity(
            round(float(10 * np.log10(max(signal, 1e-20) / max(noise, 1e-20))), 2),
            round(float(difference / len(segments)), 4),
        )
    return result
