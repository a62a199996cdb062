"""SDR under quantization noise, in closed form (paper, section II). All arguments may be arrays.

The float network's estimate of the source ``s`` is ``a s + e``, with an error ``e`` that is
uncorrelated with ``s``: ``SDR_f = |a s|^2 / |e|^2``. Quantization adds noise ``n``. If ``n`` is
uncorrelated with ``s`` and with ``e``, powers add up:

    SDR_q = |a s|^2 / (|e|^2 + |n|^2)
    1/SDR_q = 1/SDR_f + 1/SQNR  with  SQNR = |a s|^2 / |n|^2

So the noise that costs nothing at 0 dB costs 3 dB where SDR_f equals the SQNR. What is usually
measured is the ratio of the whole estimate to the noise. It is larger, by ``1 + 1/SDR_f``, because
the estimate contains ``e``: ``target_sqnr_db`` takes that out.

The second term is the correlation of the noise with the error, ``2 <n, e>``. Rounding of a signal
that crosses many steps makes noise that is uncorrelated with it (Widrow and Kollar, 2008). Not so
where a signal stays within a step or two, where a range cuts it off, or where noise inside the
network shifts the masks, which moves the estimate towards the mixture or away from it.
"""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fqss_tf.types import FloatArray, IntArray

Number: TypeAlias = float | np.floating[Any] | FloatArray
Result: TypeAlias = np.float64 | NDArray[np.float64]

DB_PER_BIT = 20 * np.log10(2)
# Noise of a step d has the power d^2 / 12; a range [-1, 1) of b bits has steps of 2^(1-b).
FULL_SCALE_DB = 10 * np.log10(3)


def quantized_sdr_db(float_sdr_db: Number, target_sqnr_db: Number) -> Result:
    """Predicts the SDR after quantization in dB: ``1/SDR_q = 1/SDR_f + 1/SQNR``.

    Args:
        float_sdr_db: SDR of the float estimate.
        target_sqnr_db: power of the source in the estimate over that of the noise.

    >>> round(quantized_sdr_db(14.78, 36.0), 2)
    14.75
    """
    return _decibel(1 / (1 / _ratio(float_sdr_db) + 1 / _ratio(target_sqnr_db)))


def needed_sqnr_db(float_sdr_db: Number, loss_db: Number) -> Result:
    """Finds the target SQNR in dB at which an estimate loses ``loss_db`` > 0.

    The inverse of ``quantized_sdr_db``.

    >>> round(needed_sqnr_db(14.78, 0.03), 1)
    36.4
    """
    return float_sdr_db - _decibel(_ratio(loss_db) - 1)


def target_sqnr_db(float_sdr_db: Number, sqnr_db: Number) -> Result:
    """Finds the power of the source over that of the noise, from that of the whole estimate, in dB.

    >>> round(target_sqnr_db(0.0, 30.0), 2)
    26.99
    """
    return sqnr_db - _decibel(1 + 1 / _ratio(float_sdr_db))


def waveform_sqnr_db(bits: int | IntArray, crest_factor_db: Number, peak: Number = 1.0) -> Result:
    """Predicts the SQNR of a waveform in [-1, 1): ``6.02 bits + 4.77 - crest factor`` dB.

    With noise of power ``step^2 / 12``. As the only noise it bounds the SDR of a b-bit output:
    ``quantized_sdr_db(inf, waveform_sqnr_db(...))``. The same holds for a b-bit input of a linear
    network.

    Args:
        bits: of the waveform.
        crest_factor_db: its peak over its root mean square, in dB.
        peak: its largest magnitude; each halving costs a bit.

    >>> round(waveform_sqnr_db(8, 18.0), 1)
    34.9
    """
    level = 2 * _decibel(np.asarray(peak, float))
    return DB_PER_BIT * np.asarray(bits) + FULL_SCALE_DB + level - crest_factor_db


def crest_factor_db(waveform: FloatArray) -> Result:
    """Compares peak and root mean square of waveforms [..., samples] without their mean, in dB.

    >>> round(float(crest_factor_db(np.sin(np.arange(1000) * 2 * np.pi / 100))), 2)
    3.01
    """
    centred = waveform - np.mean(waveform, axis=-1, keepdims=True)
    power = np.mean(np.square(centred, dtype=float), axis=-1)
    return 2 * _decibel(np.max(np.abs(centred), axis=-1)) - _decibel(power)


def _ratio(decibel: Number) -> Result:
    return 10.0 ** (np.asarray(decibel, float) / 10)


def _decibel(ratio: Number) -> Result:
    with np.errstate(divide="ignore"):
        return 10.0 * np.log10(ratio)
