"""What quantization did to an estimate: SDR lost, noise, and what the formula says."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from fqss_tf.analysis import theory
from fqss_tf.analysis.excerpts import Reference
from fqss_tf.errors import FqssError
from fqss_tf.metrics import si_sdr
from fqss_tf.types import FloatArray, Json, Sources

TINY = 1e-20


def noise_rows(reference: Reference, estimates: Sources) -> list[Json]:
    """Measures the noise in the estimate of each source of an excerpt, a row a source.

    Args:
        reference: a Reference.
        estimates: of the quantized network, [sources, samples], in the network's own order.

    Returns:
        Dicts of ``utterance``, ``source`` (1, 2, ...) and, in dB: ``float_sdr`` and ``sdr``, the
        SI-SDR before and after; ``sqnr``, the float estimate over the difference, both without
        their means; ``predicted``, the SDR after by ``theory`` from ``float_sdr`` and ``sqnr``.
        Then, in [-1, 1], ``source_correlation`` of the noise with the source and
        ``error_correlation`` of the rest of the noise with the float network's error; the
        prediction takes both for 0.

    Raises:
        FqssError: the estimates are NaN or infinite.
    """
    excerpt = reference.excerpt
    ordered = estimates[list(reference.order), : excerpt.length].astype(float)
    if not np.isfinite(ordered).all():
        raise FqssError(f"the quantized network gives NaN or infinite samples for "
                        f"{excerpt.utterance}")
    rows = []
    measured = si_sdr(ordered, excerpt.sources)
    for index, source in enumerate(excerpt.sources):
        before, after, source = (
            _centred(signal) for signal in (reference.estimates[index], ordered[index], source)
        )
        noise, float_sdr = after - before, float(reference.sdr[index])
        sqnr = ratio_db(before, noise)
        rows.append({
            "utterance": excerpt.utterance,
            "source": index + 1,
            "float_sdr": float_sdr,
            "sdr": float(measured[index]),
            "sqnr": sqnr,
            "predicted": float(
                theory.quantized_sdr_db(float_sdr, theory.target_sqnr_db(float_sdr, sqnr))
            ),
            "source_correlation": _correlation(noise, source),
            "error_correlation": _correlation(
                _without(noise, source), _without(before, source)
            ),
        })
    return rows


def output_bound(reference: Reference, source: int, bits: int) -> float:
    """Predicts the SDR in dB of a source when only the output is quantized, to ``bits`` bits.

    Theory has it from the peak and the crest factor of the float estimate. ``source`` counts from
    0.
    """
    estimate, float_sdr = reference.estimates[source], float(reference.sdr[source])
    centred = _centred(estimate)
    sqnr = theory.waveform_sqnr_db(bits, theory.crest_factor_db(centred), np.abs(centred).max())
    return float(theory.quantized_sdr_db(float_sdr, theory.target_sqnr_db(float_sdr, sqnr)))


def ratio_db(signal: float | FloatArray, noise: float | FloatArray) -> float:
    """Compares the power of a signal with that of a noise, in dB; at most 200."""
    power, noise_power = (np.sum(np.square(each, dtype=float)) for each in (signal, noise))
    return float(10 * np.log10(max(power, TINY) / max(noise_power, power * TINY, TINY)))


def loss(rows: Iterable[Json]) -> float:
    """Averages the SDR that is lost over rows, in dB."""
    return float(np.mean([row["float_sdr"] - row["sdr"] for row in rows]))


def mean(rows: Iterable[Json], key: str) -> float:
    """Averages a number over rows."""
    return float(np.mean([row[key] for row in rows]))


def _centred(signal: FloatArray) -> NDArray[np.float64]:
    return signal.astype(float) - signal.mean(dtype=float)


def _without(signal: NDArray[np.float64], direction: NDArray[np.float64]) -> NDArray[np.float64]:
    return signal - direction * (signal @ direction) / max(float(direction @ direction), TINY)


def _correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    return float(one @ other / max(float(np.linalg.norm(one) * np.linalg.norm(other)), TINY))
