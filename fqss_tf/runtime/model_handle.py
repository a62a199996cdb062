"""What every separator is: an open model, which knows its file's description and can be closed."""


class ModelHandle:
    """A context manager around an engine, which is freed at its end.

    Args:
        engine: has ``metadata`` and ``close()``.
    """

    def __init__(self, engine):
        self._engine = engine

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Frees the model; the separator cannot be used any more."""
        self._engine.close()

    @property
    def metadata(self):
        """What the file says about itself, a ``fqss_tf.runtime.metadata.Metadata``."""
        return self._engine.metadata
