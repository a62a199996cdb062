"""What every separator is: an open model, which knows its file's description and can be closed."""

from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from fqss_tf.tflite.metadata import Metadata

if TYPE_CHECKING:
    from typing_extensions import Self


class OpenModel(Protocol):
    """What an engine has, of whatever kind it is."""

    @property
    def metadata(self) -> Metadata:
        """What the file says about itself."""

    def close(self) -> None:
        """Frees the model."""


EngineT = TypeVar("EngineT", bound=OpenModel)


class ModelHandle(Generic[EngineT]):
    """A context manager around an engine, which is freed at its end.

    Args:
        engine: an open model.
    """

    def __init__(self, engine: EngineT) -> None:
        self._engine = engine

    def __enter__(self) -> "Self":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Frees the model; the separator cannot be used any more."""
        self._engine.close()

    @property
    def metadata(self) -> Metadata:
        """What the file says about itself."""
        return self._engine.metadata
