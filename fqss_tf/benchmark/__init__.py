"""Latency, memory and op times of models on this machine or on a phone."""
