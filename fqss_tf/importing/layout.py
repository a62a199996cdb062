"""How one publisher lays out one network."""

import dataclasses
import difflib
import reprlib
from collections.abc import Callable
from typing import Any, TypeAlias

from fqss_tf.config import from_dict
from fqss_tf.errors import FqssError
from fqss_tf.models.published import PublishedTensors
from fqss_tf.models.registry import NETWORKS
from fqss_tf.models.sizes import EncoderSizes
from fqss_tf.types import Json, LayerWeights

# Arguments that change nothing that is computed from samples.
WITHOUT_EFFECT = ("sample_rate", "samplerate", "dropout")
MOST_SECONDS = 3600  # of a segment
# Constructor argument -> the values that are supported.
Supported: TypeAlias = dict[str, tuple[str | float | list[Any] | None, ...]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Layout:
    """One way to publish one network.

    ``name``: ``<publisher>-<network>``. ``network``: as in a recipe. ``signature``: a key that no
    other layout has. ``arguments``: constructor argument -> key of the recipe's ``model``.
    ``named``: the constructor argument that lists the names of the sources, if there is one;
    ``timed``: the one that says how many seconds a segment has. ``ignored``: those that keys and
    shapes tell, too, or that training alone needs.
    ``only``: constructor argument -> the values that are supported. ``measured``: function
    PublishedTensors -> what shapes tell of the sizes. ``assumed``: function (PublishedTensors,
    sizes that are known) -> published values of the rest. ``weights``: function (PublishedTensors,
    sizes) -> arrays by layer. ``recipe``: function (sizes) -> name of the packaged recipe that has
    the data and the quantization of such a network; None for the defaults and no sample rate.
    """

    name: str
    network: str
    signature: str
    arguments: dict[str, str]
    only: Supported
    measured: Callable[[PublishedTensors], dict[str, int]]
    assumed: Callable[[PublishedTensors, Json], Json]
    # Each takes the sizes of its own network.
    weights: Callable[[PublishedTensors, Any], LayerWeights]
    recipe: Callable[[EncoderSizes], str] | None = None
    named: str | None = None
    timed: str | None = None
    ignored: tuple[str, ...] = ()

    @property
    def publisher(self) -> str:
        """Who published it: the first part of the name."""
        return self.name.partition("-")[0]

    def sizes(self, tensors: PublishedTensors, arguments: Json) -> tuple[EncoderSizes, Json]:
        """The sizes of the network, and those among them that were assumed.

        Args:
            tensors: PublishedTensors.
            arguments: of the published constructor; they win over what shapes tell, so that the
                tensor that does not fit can be named.

        Raises:
            FqssError: an argument is unknown or not supported, or a size cannot be told.
        """
        values: Json = dict(self.measured(tensors))
        told_by: dict[str, str] = {}
        for argument, value in arguments.items():
            if argument in self.only:
                if value not in self.only[argument]:
                    supported = " or ".join(str(choice) for choice in self.only[argument])
                    shown = reprlib.repr(value)
                    raise FqssError(f"{argument} {shown} is not supported: only {supported} is")
            elif argument in self.arguments:
                if value is not None:
                    self._check(argument, value)
                    size = self.arguments[argument]
                    if size in told_by and values[size] != value:
                        raise FqssError(f"{told_by[size]} {values[size]} contradicts {argument} "
                                        f"{value}: give both")
                    values[size], told_by[size] = value, argument
            elif argument == self.named:
                self._check_names(argument, value, values["sources"])
            elif argument == self.timed:
                if not isinstance(value, int | float) or not 0 < value < MOST_SECONDS:
                    raise FqssError(f"{argument} {reprlib.repr(value)} is no number of seconds")
            elif argument not in (*WITHOUT_EFFECT, *self.ignored):
                special = [name for name in (self.named, self.timed) if name]
                known = [*self.arguments, *special, *self.only, *WITHOUT_EFFECT]
                argument = str(argument)[:80]
                near = difflib.get_close_matches(argument, known, n=1)
                hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
                raise FqssError(f"{argument} is no argument of {self.name}: {hint}")
        assumed = {
            key: value
            for key, value in self.assumed(tensors, values).items()
            if key not in values
        }
        return from_dict(NETWORKS[self.network].sizes, values | assumed, "model."), assumed

    def _check_names(self, argument: str, names: Any, sources: int) -> None:
        are_names = isinstance(names, list) and all(isinstance(name, str) for name in names)
        if not are_names or len(names) != sources:
            raise FqssError(f"{argument} is {reprlib.repr(names)}: it must name {sources} sources")

    def _check(self, argument: str, value: Any) -> None:
        kind = type(getattr(NETWORKS[self.network].sizes, self.arguments[argument]))
        if type(value) is not kind or (kind is int and value < 1):
            wanted = "a whole number from 1" if kind is int else "text"
            raise FqssError(f"{argument} is {reprlib.repr(value)}: it must be {wanted}")
