"""Draws what the model voice makes of a mixture. Makes docs/voice.png.

    python benchmarks/voice_picture.py VOICE.wav BACKGROUND.wav OUTPUT.png [--seconds S]

The mixture is the sum of the two files, such as those of a test mixture of the data set.
"""

import argparse
from pathlib import Path

import numpy as np
import scipy.signal

from fqss_tf import Separator, audio
from fqss_tf.metrics import si_sdr
from fqss_tf.report.plots import LIGHT, new_figure, save
from fqss_tf.types import FloatArray

RANGE_DB = 70.0
WINDOW_SECONDS = 0.032


def main() -> None:
    """Separates the mixture, prints its scores, and draws it beside its sources."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("voice", type=Path)
    parser.add_argument("background", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--seconds", type=float, default=3.0)
    options = parser.parse_args()
    (voice, rate), (background, _) = map(audio.read, (options.voice, options.background))
    sources = [each[:, 0] for each in (voice, background)]
    mixture = sources[0] + sources[1]
    with Separator("voice") as separator:
        estimates = separator(mixture, rate)
    for source, (name, estimate) in zip(sources, estimates.items(), strict=True):
        print(f"{name}: {si_sdr(mixture, source):.1f} -> {si_sdr(estimate, source):.1f} dB SI-SDR")
    pictures = {"recording": mixture, **estimates}
    figure, panels = new_figure(LIGHT, 1, len(pictures), (9.0, 2.2), dpi=80, sharey=True)
    loudest = level_db(mixture, rate).max()
    for axes, (name, waveform) in zip(panels, pictures.items(), strict=True):
        cut = waveform[: round(options.seconds * rate)]
        axes.imshow(
            level_db(cut, rate) - loudest, origin="lower", aspect="auto", cmap="magma",
            vmin=-RANGE_DB, vmax=0, extent=(0, len(cut) / rate, 0, rate / 2000),
        )
        axes.set_title(name, loc="left", fontsize=10, color=LIGHT.text)
        axes.set_xlabel("seconds", color=LIGHT.text, fontsize=8)
    panels[0].set_ylabel("kHz", color=LIGHT.text, fontsize=8)
    save(figure, options.output)


def level_db(waveform: FloatArray, rate: int) -> FloatArray:
    """Returns the level over frequency and time, in dB."""
    samples = round(WINDOW_SECONDS * rate)
    _, _, power = scipy.signal.spectrogram(waveform, rate, "hann", samples, 3 * samples // 4)
    return 10 * np.log10(power + 1e-12)


if __name__ == "__main__":
    main()
