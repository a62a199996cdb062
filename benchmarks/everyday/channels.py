"""Recordings of several channels."""

import numpy as np
from common import case, speech, written

from fqss_tf import audio
from fqss_tf.metrics import si_sdr
from fqss_tf.runtime import Separator


def _channels(folder, gains):
    waveform = speech()
    both = written(folder, "both.wav", waveform[:, np.newaxis] * gains, "FLOAT")
    alone = written(folder, "alone.wav", waveform, "FLOAT")
    with Separator() as separator:
        found, expected = (separator(*audio.read(path)) for path in (both, alone))
    score = min(si_sdr(expected[name], found[name]) for name in expected)
    level = np.std(found["speech_1"]) / np.std(expected["speech_1"])
    difference = "the same samples" if score > 100 else f"SI-SDR {score:.1f} dB"
    return f"{difference} as of one channel, level {20 * np.log10(level):+.1f} dB"


@case("stereo, right = left")
def equal_channels(folder):
    return _channels(folder, [1, 1])


@case("stereo, right = -left")
def opposite_channels(folder):
    return _channels(folder, [1, -1])


@case("stereo, right silent")
def silent_channel(folder):
    return _channels(folder, [1, 0])
