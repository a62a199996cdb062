"""SDR under quantisation noise: what theory predicts, what a model does, what would help."""
