"""Memory that separating a long MP3 takes, of one or two channels and without a count of frames.

    python benchmarks/everyday/memory.py [--hours 3] [--channels 2]

Needs ffmpeg. The base is what the same command takes for a minute and a half.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile
from common import RATE, bundled_mixtures


def encoded(folder, channels):
    """90 s of voices, louder in the first channel in turns, as MP3 frames at 44.1 kHz."""
    mixtures = [mixture for _, _, mixture, _ in bundled_mixtures()]
    place = np.arange(sum(map(len, mixtures))) / RATE
    sides = 0.5 + 0.4 * np.sin(place[:, np.newaxis] + np.pi * np.arange(channels))
    source, target = folder / "source.wav", folder / "part.mp3"
    soundfile.write(source, np.concatenate(mixtures)[:, np.newaxis] * sides, RATE)
    options = ["-ar", "44100", "-write_xing", "0", "-q:a", "4"]
    subprocess.run(["ffmpeg", "-v", "error", "-i", source, *options, target], check=True)
    return target.read_bytes(), len(place) / RATE


def megabytes(path):
    """Largest resident set of all children so far, of which the last is the largest."""
    command = [sys.executable, "-m", "fqss_tf", "separate", path, "--format", "flac",
               "--output", path.parent / "out"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=3)
    parser.add_argument("--channels", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        content, seconds = encoded(Path(folder), options.channels)
        path = Path(folder) / "a.mp3"
        path.write_bytes(content)
        base = megabytes(path)
        with path.open("wb") as file:
            for _ in range(round(options.hours * 3600 / seconds)):
                file.write(content)
        start = time.monotonic()
        most = megabytes(path)
        print(f"{options.hours:g} h of MP3, {options.channels} channels: {most - base:.0f} MB more "
              f"than {seconds:.0f} s of it, {most:.0f} MB in all; {time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main()
