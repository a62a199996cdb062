"""Published PyTorch checkpoints, read without PyTorch, as run folders."""
