"""Streaming models for microcontrollers: a slim .tflite, plain C, and what TFLM needs."""
