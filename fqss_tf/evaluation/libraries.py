"""Scores that people compare systems by, each from the library that defines it, if there is one.

The libraries are the extra ``metrics`` of the package: ``pip install 'fqss-tf[metrics]'``.
"""

import functools
import importlib
from collections.abc import Callable, Mapping
from types import ModuleType

import numpy as np

from fqss_tf.audio.resampling import resample
from fqss_tf.errors import FqssError
from fqss_tf.types import FloatArray, Sources, Waveform

PESQ_MODES = {8000: "nb", 16000: "wb"}
DNSMOS_RATE = 16000
MDX_DELTA = 1e-7
# As museval gives them: distortion of all kinds, by space, by other sources, and by artifacts.
OF_MUSEVAL = ("sdr_museval", "isr_museval", "sir_museval", "sar_museval")


def sdr(estimates: Sources, targets: Sources, rate: int) -> FloatArray:
    """SDR of BSS Eval version 3, dB, which forgives a filter of 512 taps; by fast_bss_eval."""
    library = _library("fast_bss_eval", "sdr")
    scores, *_ = library.bss_eval_sources(
        targets.astype(np.float64), estimates.astype(np.float64), compute_permutation=False
    )
    return np.asarray(scores)


def sdr_mdx(estimates: Sources, targets: Sources, rate: int) -> FloatArray:
    """SDR of the Music Demixing Challenge, dB: of a whole song, over all its channels.

    It is the energy of a source over that of what the estimate is off it, each plus 1e-7. No level
    and no filter is forgiven. By its definition in the challenge (Mitsufuji et al., 2021), which no
    package of PyPI has.
    """
    axes = tuple(range(1, targets.ndim))
    energy = np.square(targets, dtype=np.float64).sum(axis=axes)
    lost = np.square(targets.astype(np.float64) - estimates).sum(axis=axes)
    return np.asarray(10 * np.log10((energy + MDX_DELTA) / (lost + MDX_DELTA)))


def of_museval(name: str, estimates: Sources, targets: Sources, rate: int) -> FloatArray:
    """SDR, ISR, SIR or SAR of BSS Eval version 4, dB: the median of the seconds of a song.

    By museval. ``name`` is one of ``OF_MUSEVAL``.

    Seconds in which a source or an estimate is silent do not count. It is NaN where none is left,
    of songs shorter than a second, and of a source that is silent throughout or whose estimate is.
    """
    library = _library("museval", name)
    scores = np.full(len(targets), np.nan)
    is_heard = [
        bool(estimate.any() and target.any())
        for estimate, target in zip(estimates, targets, strict=True)
    ]
    if targets.shape[1] < rate or not any(is_heard):
        return scores
    shape = (sum(is_heard), targets.shape[1], -1)
    found = library.evaluate(
        targets[is_heard].reshape(shape).astype(np.float64),
        estimates[is_heard].reshape(shape).astype(np.float64), win=rate, hop=rate,
    )
    frames = found[OF_MUSEVAL.index(name)]
    is_known = ~np.isnan(frames).any(axis=0)  # all are, or none is
    if is_known.any():
        scores[is_heard] = np.median(frames[:, is_known], axis=1)
    return scores


def stoi(estimate: Waveform, target: Waveform, rate: int) -> float:
    """Short-time objective intelligibility, 0 to 1; by pystoi."""
    return float(_library("pystoi", "stoi").stoi(target, estimate, rate))


def pesq(estimate: Waveform, target: Waveform, rate: int) -> float:
    """PESQ, MOS-LQO, wide band at 16 kHz and narrow band at 8 kHz; by pesq.

    It is NaN where it finds no utterance in the target, or they are too short.

    Raises:
        FqssError: another rate.
    """
    library = _library("pesq", "pesq")
    if rate not in PESQ_MODES:
        raise FqssError(f"pesq is defined at 8000 and 16000 Hz, not at {rate} Hz: leave it out")
    try:
        return float(library.pesq(rate, target, estimate, PESQ_MODES[rate]))
    except (library.NoUtterancesError, library.BufferTooShortError):
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
# As before, of all channels: [sources, samples] or [sources, samples, channels].
OF_SONGS: Mapping[str, Callable[[Sources, Sources, int], FloatArray]] = {
    "sdr_mdx": sdr_mdx, **{name: functools.partial(of_museval, name) for name in OF_MUSEVAL},
}
# Of speech alone.
OF_SPEECH: Mapping[str, Callable[[Waveform, Waveform, int], float]] = {
    "stoi": stoi, "pesq": pesq, "dnsmos": dnsmos,
}
NAMES = (*OF_SOURCES, *OF_SPEECH, *OF_SONGS)


def score(
    name: str, estimates: Sources, targets: Sources, rate: int, speech: list[bool]
) -> tuple[float, ...]:
    """Scores the estimate of each source.

    Args:
        name: one of ``NAMES``.
        estimates: float32 [S, samples] or [S, samples, channels], in the order of the targets.
            Scores that are not ``OF_SONGS`` are those of the average of the channels.
        targets: of the same shape.
        rate: Hz.
        speech: for each source, whether it is speech.

    Returns:
        A score for each source; NaN where it has none.

    Raises:
        FqssError: the library is not installed, or the rate does not go with the score.
    """
    if name in OF_SONGS:
        return tuple(map(float, OF_SONGS[name](estimates, targets, rate)))
    estimates, targets = averaged(estimates), averaged(targets)
    if name in OF_SOURCES:
        return tuple(map(float, OF_SOURCES[name](estimates, targets, rate)))
    of_speech = OF_SPEECH[name]
    return tuple(
        of_speech(estimate, target, rate) if is_speech else float("nan")
        for estimate, target, is_speech in zip(estimates, targets, speech, strict=True)
    )


def averaged(sources: Sources) -> Sources:
    """Returns [S, samples] of that, or of [S, samples, channels], whose channels are averaged."""
    return sources if sources.ndim == 2 else sources.mean(axis=2)


def _library(module: str, name: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise FqssError(
            f"{name} needs the package {module.partition('.')[0]}, which is missing or incomplete "
            f"({error}): pip install 'fqss-tf[metrics]'"
        ) from error
