"""Data sets: recognised, checked, made, described; mixed on the fly or as they are."""
