"""Separates live sound and shows the level of each source.

    python examples/stream_microphone.py                # the microphone, until Ctrl-C
    python examples/stream_microphone.py meeting.wav    # without a microphone: a recording

The microphone needs the package sounddevice: pip install '.[microphone]'
"""

import sys
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from fqss_tf import StreamingSeparator, audio
from fqss_tf.runtime.microphone import Microphone


def sound(recording: str | None, rate: int) -> Iterator[NDArray[np.int16]]:
    """Yields 16-bit samples as they come, at ``rate``, from the microphone if there is no file."""
    if recording is None:
        with Microphone(rate) as microphone:
            while content := microphone.read(0):
                yield np.frombuffer(content, np.int16)
        return
    waveform, file_rate = audio.read(recording)
    samples = audio.resample(waveform.mean(axis=1), file_rate, rate)
    samples = np.clip(np.round(samples * 32768), -32768, 32767).astype(np.int16)
    block = rate // 100
    for start in range(0, len(samples), block):
        yield samples[start : start + block]


def level(samples: NDArray[np.int16]) -> float:
    """Returns the level in dB; 0 is a full-scale square wave."""
    power = np.mean(np.square(samples / 32768)) if len(samples) else 0.0
    return 10 * float(np.log10(power + 1e-10))


def main(recording: str | None = None) -> None:
    """Prints the level of each source once a second."""
    with StreamingSeparator() as separator:
        rate, sources = separator.metadata.sample_rate, separator.metadata.sources
        print(f"{1000 * separator.latency / rate:.0f} ms of latency")
        second = {name: np.zeros(0, np.int16) for name in sources}
        for samples in sound(recording, rate):
            estimates = separator.push(samples)
            second = {name: np.append(second[name], estimates[name]) for name in sources}
            if len(second[sources[0]]) >= rate:
                print("  ".join(f"{name} {level(second[name]):6.1f} dB" for name in sources))
                second = {name: samples[:0] for name in sources}


if __name__ == "__main__":
    main(*sys.argv[1:])
