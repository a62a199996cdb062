"""Tensors of a published checkpoint, taken by key; what does not fit is named."""

import re
from collections.abc import Mapping

from fqss_tf.errors import FqssError
from fqss_tf.types import FloatArray


class PublishedTensors:
    """The tensors of a state_dict, each to be taken once, under keys relative to ``prefix``."""

    def __init__(self, tensors: Mapping[str, FloatArray], prefix: str = "") -> None:
        self.tensors = tensors
        self.prefix = prefix
        self.taken: set[str] = set()

    def under(self, prefix: str) -> "PublishedTensors":
        """The same tensors, for keys that begin with ``prefix``."""
        inner = PublishedTensors(self.tensors, f"{self.prefix}{prefix}")
        inner.taken = self.taken
        return inner

    def shape(self, key: str, dimensions: int) -> tuple[int, ...]:
        """The shape of a tensor.

        Raises:
            FqssError: it is not there, is empty, or has another number of dimensions.
        """
        key = f"{self.prefix}{key}"
        if key not in self.tensors:
            raise FqssError(f"{key} is missing")
        shape = self.tensors[key].shape
        if 0 in shape:
            raise FqssError(f"{key} is {list(shape)}: it holds nothing")
        if len(shape) != dimensions:
            raise FqssError(f"{key} is {list(shape)}: {dimensions} dimensions are expected")
        return shape

    def count(self, pattern: str, first: int = 0) -> int:
        """How many tensors have keys ``prefix + pattern % first``, ``first + 1``...; at least 1."""
        number = first
        while f"{self.prefix}{pattern % number}" in self.tensors:
            number += 1
        if number == first:
            raise FqssError(f"{self.prefix}{pattern % first} is missing")
        return number - first

    def take(self, key: str, *shape: int) -> FloatArray:
        """The tensor of that key and shape.

        Raises:
            FqssError: it is not there or has another shape.
        """
        if self.shape(key, len(shape)) != shape:
            raise FqssError(
                f"{self.prefix}{key} is {list(self.shape(key, len(shape)))}: "
                f"{list(shape)} is expected"
            )
        self.taken.add(f"{self.prefix}{key}")
        return self.tensors[f"{self.prefix}{key}"]

    def leave(self, pattern: str) -> None:
        """Marks the keys that match a regular expression as not needed."""
        self.taken |= {key for key in self.tensors if re.search(pattern, key)}

    def finish(self) -> None:
        """Raises FqssError with the first key that was never taken."""
        for key in self.tensors:
            if key not in self.taken:
                raise FqssError(f"{key} does not belong to it")

    def pointwise(
        self, name: str, inputs: int, outputs: int, axes: int = 1, bias: bool = True
    ) -> list[FloatArray]:
        """Kernel ``[1, 1, inputs, outputs]`` and bias of a 1x1 convolution.

        ``axes``: unit axes that the published weight has behind ``[outputs, inputs]``.
        """
        weight = self.take(f"{name}.weight", outputs, inputs, *[1] * axes)
        kernel = weight.reshape(outputs, inputs).T[None, None]
        return [kernel, self.take(f"{name}.bias", outputs)] if bias else [kernel]

    def norm(
        self, name: str, channels: int, gain: str = "weight", shift: str = "bias"
    ) -> list[FloatArray]:
        """Gain and bias of a norm."""
        return [self.take(f"{name}.{gain}", channels), self.take(f"{name}.{shift}", channels)]
