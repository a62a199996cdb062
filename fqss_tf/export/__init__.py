"""From trained networks to .tflite files, and what is in such a file."""
