"""Figures as PNG, and pages of HTML that need no other file."""
