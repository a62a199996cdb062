"""Quantisers, the table that gives each layer its quantisers, and the wrapping by tfmot."""
