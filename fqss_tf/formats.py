"""What the .tflite files hold: decided here, for training, export and runtime."""

from dataclasses import dataclass

# int8 is fully integer; the others have float inputs and outputs, int16x8 has int16.
FILE_TYPES = ("int8", "float32", "float16", "dynamic", "int16x8")
# int8 steps of a waveform per unit of amplitude; the zero point is 0.
WAVEFORM_STEPS = 128
WAVEFORM_SCALE = 1 / WAVEFORM_STEPS
# The magnitude of the STFT of a full-scale sine with a Hann window of 4096 samples: 1 for a network
# over spectrograms.
MAGNITUDE_RANGE = 1024
# The logit of a mask that is 1 at the output of such a network. Sigmoid is 1 within 2e-7 there.
LOGIT_RANGE = 16
# Of music.
CHANNELS = 2
# What no name of a source has, because files are called by it.
NOT_IN_NAMES = "/\\\0"
# Hann windows that lie over each sample.
WINDOWS = 4
# Each mask for itself, or all together 1.
MASKS = ("sigmoid", "softmax")


@dataclass(frozen=True)
class SpectrogramForm:
    """What a network hears of a recording, and how its logits become masks.

    ``kernel``: window of the STFT in samples, of which a quarter is the hop. ``bins``: frequencies
    that the network hears, from the lowest on. ``frames``: of a segment. ``masks``: ``sigmoid`` or
    ``softmax``.
    """

    kernel: int
    bins: int
    frames: int
    masks: str

    @property
    def hop(self) -> int:
        """Samples between frames."""
        return self.kernel // WINDOWS
