"""The separation networks, each a config dataclass and a ``build`` function."""
