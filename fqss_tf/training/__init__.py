"""Training of float and quantized networks, and the run folders that hold them."""
