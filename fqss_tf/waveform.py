"""How an 8-bit tensor stands for a waveform: decided here, for training, export and runtime."""

# int8 steps per unit of amplitude; the zero point is 0.
WAVEFORM_STEPS = 128
WAVEFORM_SCALE = 1 / WAVEFORM_STEPS
