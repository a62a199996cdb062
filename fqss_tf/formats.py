"""What the .tflite files hold: decided here, for training, export and runtime."""

# int8 is fully integer; the others have float inputs and outputs, int16x8 has int16.
FILE_TYPES = ("int8", "float32", "float16", "dynamic", "int16x8")
# int8 steps of a waveform per unit of amplitude; the zero point is 0.
WAVEFORM_STEPS = 128
WAVEFORM_SCALE = 1 / WAVEFORM_STEPS
