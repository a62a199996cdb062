"""Loud and quiet recordings, clicks, offsets and noise floors."""

import functools

import numpy as np
from common import RATE, bundled_mixtures, case, speech, two_voices, two_voices_stream

from fqss_tf.metrics import pit_si_sdr

FULL_SCALE = 2**15
MODELS = {"file": two_voices, "stream": two_voices_stream}


def int16(waveform):
    scaled = np.round(np.asarray(waveform) * FULL_SCALE)
    return np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)


def at_peak(waveform, decibels):
    return waveform * (10 ** (decibels / 20) / np.abs(waveform).max())


@functools.cache
def separator(model):
    return MODELS[model]()


def sources_of(model, samples):
    """float [sources, samples] of int16 samples."""
    if model == "stream":
        found = separator(model).separate(samples)
    elif model == "one gain":
        found = separator("file")(samples, RATE, gain="utterance")
    else:
        found = separator(model)(samples, RATE)
    return np.stack(list(found.values())).astype(float)


def dbfs(samples):
    return 20 * np.log10(max(np.sqrt(np.mean(np.square(samples))), 1e-30) / FULL_SCALE)


def mean_si_sdr(model, prepared, decibels, skip=0):
    """Of all bundled mixtures; ``prepared`` gives the mixture what comes before it."""
    mixtures = bundled_mixtures()
    scores = []
    for number, (_, _, mixture, sources) in enumerate(mixtures):
        before = prepared(mixtures[(number + 1) % len(mixtures)][2])
        whole = np.concatenate([before, at_peak(mixture, decibels - 0.1)])
        estimates = sources_of(model, int16(whole))[:, len(before) + skip :]
        scores.append(pit_si_sdr(estimates, sources[:, skip:])[0].mean())
    return float(np.mean(scores))


def nothing(_):
    return np.zeros(0)


def loud(mixture):
    return at_peak(mixture, -0.1)


def level_cases(model):
    @case(f"SI-SDR of a mixture at 0, -10, -20, -30, -40, -50 dBFS, {model} model")
    def levels(_):
        found = [mean_si_sdr(model, nothing, level) for level in range(0, -51, -10)]
        return ", ".join(f"{score:.2f}" for score in found) + " dB"

    @case(f"SI-SDR a second behind a loud mixture, 0, 20, 30 dB below it, {model} model")
    def behind(_):
        found = [mean_si_sdr(model, loud, level, RATE) for level in (0, -20, -30)]
        return ", ".join(f"{score:.2f}" for score in found) + " dB"

    @case(f"a click of 2 samples, 20 dB above the speech, {model} model")
    def click(_):
        quiet = int16(at_peak(speech(), -20))
        clicked = quiet.copy()
        clicked[RATE : RATE + 2] = FULL_SCALE - 1
        as_before, found = (sources_of(model, each)[:, 2 * RATE :] for each in (quiet, clicked))
        agreement = pit_si_sdr(found, as_before)[0].mean()
        return f"a second later SI-SDR {agreement:.0f} dB to that without the click"

    @case(f"an offset of 0.02, {model} model")
    def offset(_):
        quiet = at_peak(speech(), -20)
        with_it, without = (sources_of(model, int16(each)) for each in (quiet + 0.02, quiet))
        agreement = pit_si_sdr(with_it[:, RATE:], without[:, RATE:])[0].mean()
        return f"SI-SDR {agreement:.0f} dB to that without it, mean {with_it.mean():.1f} steps"

    @case(f"dither at -92 dBFS behind speech, {model} model")
    def dither(_):
        noise = np.random.default_rng(0).integers(-1, 2, 6 * RATE).astype(np.int16)
        recording = np.concatenate([int16(at_peak(speech(), -3)), noise])
        estimates = sources_of(model, recording)[:, -4 * RATE :]
        levels = ", ".join(f"{dbfs(each):.0f}" for each in estimates)
        return f"in {dbfs(noise):.0f}, out {levels} dBFS"


for each_model in MODELS:
    level_cases(each_model)


@case("SI-SDR a second behind a loud mixture, 0, 20, 30 dB below it, --gain utterance")
def behind_by_one_gain(_):
    found = [mean_si_sdr("one gain", loud, level, RATE) for level in (0, -20, -30)]
    return ", ".join(f"{score:.2f}" for score in found) + " dB"


@case("a recording of denormal floats")
def denormals(_):
    tiny = (speech() * 1e-40).astype(np.float32)
    loudest = max(np.abs(each).max() for each in separator("file")(tiny, RATE).values())
    return f"in {np.abs(tiny).max():.0e}, out {loudest:.0e}"
