"""Audio files as they are met: made by a pipe, cut, joined, without the header that counts."""

import io

import numpy as np
import soundfile

RATE = 8000
SECOND = RATE  # samples


def tone(samples=8000):
    time = np.arange(samples)
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, samples)
    return (0.4 * np.sin(time / 9) * np.cos(time / 400) + noise).astype(np.float32)


def encoded(file_format, subtype=None, samples=8000):
    content = io.BytesIO()
    soundfile.write(content, tone(samples), RATE, subtype, format=file_format)
    return content.getvalue()


def with_data_size(wav, size):
    """The WAV with another size of its chunk of samples."""
    place = wav.index(b"data") + 4
    return wav[:place] + size.to_bytes(4, "little") + wav[place + 4 :]


def without_count(mp3):
    """The MP3 without its first frame, which only counts the others."""
    return mp3[mp3.index(mp3[:2], 4) :]


def variable_rate_mp3():
    """Some frames of silence and then of noise: a guess by the first frames is too short."""
    samples = np.zeros(3 * SECOND)
    samples[SECOND:] = np.random.default_rng(0).uniform(-0.5, 0.5, 2 * SECOND)
    content = io.BytesIO()
    soundfile.write(content, samples, RATE, format="MP3", bitrate_mode="VARIABLE")
    return without_count(content.getvalue()), samples


def flac_of_unknown_length():
    content = bytearray(encoded("FLAC"))
    stream_info = 8  # behind the marker and the block's header; the 36-bit length is at byte 13
    content[stream_info + 13] &= 0xF0
    content[stream_info + 14 : stream_info + 18] = bytes(4)
    return bytes(content)
