"""SDR under quantization noise: what theory predicts, what a model does, what would help."""
