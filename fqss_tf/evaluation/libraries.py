"""Scores that people compare systems by, each from the library that defines it.

The libraries are the extra ``metrics`` of the package: ``pip install 'fqss-tf[metrics]'``.
"""

import importlib
from collections.abc import Callable, Mapping
from types import ModuleType

import numpy as np

from fqss_tf.audio.resampling import resample
from fqss_tf.errors import FqssError
from fqss_tf.types import FloatArray, Sources, Waveform

PESQ_MODES = {8000: "nb", 16000: "wb"}
DNSMOS_RATE = 16000


def sdr(estimates: Sources, targets: Sources, rate: int) -> FloatArray:
    """SDR of BSS Eval version 3, dB, which forgives a filter of 512 taps; by fast_bss_eval."""
    library = _library("fast_bss_eval", "sdr")
    scores, *_ = library.bss_eval_sources(
        targets.astype(np.float64), estimates.astype(np.float64), compute_permutation=False
    )
    return np.asarray(scores)


def stoi(estimate: Waveform, target: Waveform, rate: int) -> float:
    """Short-time objective intelligibility, 0 to 1; by pystoi."""
    return float(_library("pystoi", "stoi").stoi(target, estimate, rate))


def pesq(estimate: Waveform, target: Waveform, rate: int) -> float:
    """PESQ, MOS-LQO, wide band at 16 kHz and narrow band at 8 kHz; by pesq.

    It is NaN where it finds no utterance in the target.

    Raises:
        FqssError: another rate.
    """
    library = _library("pesq", "pesq")
    if rate not in PESQ_MODES:
        raise FqssError(f"pesq is defined at 8000 and 16000 Hz, not at {rate} Hz: leave it out")
    try:
        return float(library.pesq(rate, target, estimate, PESQ_MODES[rate]))
    except library.NoUtterancesError:
        return float("nan")


def dnsmos(estimate: Waveform, target: Waveform, rate: int) -> float:
    """Overall DNSMOS P.835, 1 to 5, which needs no target; by speechmos.

    The samples are brought to 16 kHz, and to a peak of 1 where it is above.
    """
    library = _library("speechmos.dnsmos", "dnsmos")
    heard = resample(np.asarray(estimate, np.float32), rate, DNSMOS_RATE)
    heard = heard / max(1.0, float(np.abs(heard).max()))
    return float(library.run(heard, DNSMOS_RATE)["ovrl_mos"])


# Of all sources at once, float64 [sources].
OF_SOURCES: Mapping[str, Callable[[Sources, Sources, int], FloatArray]] = {"sdr": sdr}
# Of speech alone.
OF_SPEECH: Mapping[str, Callable[[Waveform, Waveform, int], float]] = {
    "stoi": stoi, "pesq": pesq, "dnsmos": dnsmos,
}
NAMES = (*OF_SOURCES, *OF_SPEECH)


def score(
    name: str, estimates: Sources, targets: Sources, rate: int, speech: list[bool]
) -> tuple[float, ...]:
    """Scores the estimate of each source.

    Args:
        name: one of ``NAMES``.
        estimates: float32 [S, samples], in the order of the targets.
        targets: float32 [S, samples].
        rate: Hz.
        speech: for each source, whether it is speech.

    Returns:
        A score for each source; NaN where it has none.

    Raises:
        FqssError: the library is not installed, or the rate does not go with the score.
    """
    if name in OF_SOURCES:
        return tuple(map(float, OF_SOURCES[name](estimates, targets, rate)))
    of_speech = OF_SPEECH[name]
    return tuple(
        of_speech(estimate, target, rate) if is_speech else float("nan")
        for estimate, target, is_speech in zip(estimates, targets, speech, strict=True)
    )


def _library(module: str, name: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise FqssError(
            f"{name} needs the package {module.partition('.')[0]}, which is missing or incomplete "
            f"({error}): pip install 'fqss-tf[metrics]'"
        ) from error
