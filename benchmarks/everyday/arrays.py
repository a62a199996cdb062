"""Recordings in memory, from Python."""

import pickle

import numpy as np
from common import RATE, case, speech, tried, two_voices

from fqss_tf.metrics import si_sdr


@case("Separator, array [2, samples]")
def transposed(folder):
    return _given(np.stack([speech()] * 2))


@case("Separator, uint8")
def unsigned_bytes(folder):
    return _given(np.round(speech() * 127 + 128).astype(np.uint8))


@case("Separator, int32")
def wide(folder):
    return _given(np.round(speech() * 2**30).astype(np.int32) * 2)


@case("Separator, int64")
def widest(folder):
    return _given(np.round(speech() * 2**15).astype(np.int64))


@case("Separator, big-endian int16")
def big_endian(folder):
    steps = np.round(speech() * 2**15).astype(np.int16)
    return _given(steps.astype(">i2"), steps)


def _given(waveform, usual=None):
    """How close the results are to those of the same sound as callers usually give it."""
    usual = speech() if usual is None else usual
    with two_voices() as separator:
        expected = separator(usual, RATE)["speech_1"]
        found = tried(lambda: separator(waveform, RATE)["speech_1"])
    if isinstance(found, str):
        return f"refused: {found}"
    if np.array_equal(found, expected):
        return f"the same samples as of {usual.dtype}"
    return f"SI-SDR {si_sdr(expected, found.astype(np.float32)):.0f} dB to that of {usual.dtype}"


@case("pickling a Separator")
def pickled(folder):
    with two_voices() as separator:
        copy = pickle.loads(pickle.dumps(separator))
        first, second = (each(speech(), RATE)["speech_1"] for each in (separator, copy))
    return "the same samples" if np.array_equal(first, second) else "other samples"
