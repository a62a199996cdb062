"""Runs: the folder that holds one, and the models that are made from it."""
