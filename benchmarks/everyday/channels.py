"""Recordings of several channels: the SI-SDR of both channels of each voice as one signal.

Where a result has one channel, it is taken for each: what is left of the places is nothing.
"""

import functools

import numpy as np
from common import RATE, bundled_mixtures, case, two_voices

from fqss_tf.metrics import pit_si_sdr


def panned(decibels):
    """One voice so much louder left, the other right."""
    weaker = 10 ** (-decibels / 20)
    return lambda one, other: [(one, weaker * one), (weaker * other, other)]


def factor(right):
    return lambda one, other: [(one, right * one), (other, right * other)]


def apart(one, other):
    """Each voice reaches one of two microphones 0.5 ms earlier."""
    samples = RATE // 2000
    return [(one, np.roll(one, samples)), (np.roll(other, samples), other)]


def in_a_room(one, other):
    """Each way from a mouth to a microphone has an echo of its own, 60 dB down after 0.25 s."""
    noise = np.random.default_rng(0)
    decay = 10 ** (-3 * np.arange(RATE // 4) / (RATE // 4))

    def heard(voice):
        echo = 0.1 * noise.normal(size=len(decay)) * decay
        echo[:20] = 0
        echo[noise.integers(5, 12)] = 1
        return np.convolve(voice, echo)[: len(voice)]

    return [(heard(voice), heard(voice)) for voice in (one, other)]


@functools.cache
def separator():
    return two_voices()


def score(estimates, images):
    flat = (each.reshape(len(images), -1) for each in (estimates, images))
    return pit_si_sdr(*flat)[0].mean()


def stereo_case(name, places):
    @case(f"stereo, {name}")
    def separated(_):
        scores = []
        for _, _, _, voices in bundled_mixtures():
            images = np.stack([np.stack(image, axis=1) for image in places(*voices)])
            images *= 0.9 / np.abs(images.sum(axis=0)).max()
            mixture = images.sum(axis=0).astype(np.float32)
            found = np.stack(list(separator()(mixture, RATE).values()))
            if found.ndim == 2:
                found = np.stack([found, found], axis=2)
            if not found.any():
                return "silence"
            scores.append((score(np.stack([mixture, mixture]), images), score(found, images)))
        before, after = np.mean(scores, axis=0)
        return f"SI-SDR {after:.2f} dB, that of the recording is {before:.2f} dB"


for each_name, each_places in {
    "right = left": factor(1),
    "right = -left": factor(-1),
    "right silent": factor(0),
    "voices 6 dB louder left and right": panned(6),
    "one voice left, the other right": panned(200),
    "voices 0.5 ms earlier left and right": apart,
    "voices in a room": in_a_room,
}.items():
    stereo_case(each_name, each_places)
