"""A stream of any rate and length through what separates at the model's rate."""

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fqss_tf.audio.resampling import check_rate, resample_blocks
from fqss_tf.runtime.samples import to_float, to_int16
from fqss_tf.tflite.metadata import Metadata
from fqss_tf.types import Samples


def separated(
    blocks: Iterable[Samples],
    rate: int,
    metadata: Metadata,
    separate: Callable[[Iterable[Samples], bool], Iterable[Samples]],
) -> Iterator[Samples]:
    """Separates a recording that comes in blocks; samples of 16 bits stay such.

    Args:
        blocks: iterable of float32 or all int16 [samples] or [samples, channels], of any lengths.
        rate: their sample rate in Hz.
        metadata: of the model.
        separate: function (iterable of blocks, whether they are int16 and not float32) -> iterable
            of parts [sources, samples] or [sources, samples, channels] of that type, all at the
            model's rate.

    Yields:
        Such parts of the type of the blocks; together as long as the recording.

    Raises:
        FqssError: a rate that audio cannot have.
    """
    rest = iter(blocks)
    first = next(rest, np.zeros(0, np.float32))
    counted = _Counted(chain([first], rest))
    in_integers = first.ndim == 1 and stays_int16(first.dtype, rate, metadata)
    parts = separate(at_model_rate(counted, rate, metadata, in_integers), in_integers)
    resampled = _resampled(parts, metadata.sample_rate, rate)
    fitted = _fitted(resampled, (len(metadata.sources), *first.shape[1:]), counted)
    if first.dtype == np.int16 and not in_integers:
        fitted = map(to_int16, fitted)
    yield from fitted


def stays_int16(dtype: DTypeLike, rate: int, metadata: Metadata) -> bool:
    """Returns whether the graph computes on the samples themselves: no float is made of them."""
    return dtype == np.int16 and rate == metadata.sample_rate and metadata.takes_int16


def at_model_rate(
    blocks: Iterable[Samples], rate: int, metadata: Metadata, in_integers: bool
) -> Iterable[Samples]:
    """Returns the blocks as the model takes them; ``in_integers`` as ``stays_int16`` has it.

    Raises:
        FqssError: a rate that audio cannot have.
    """
    check_rate(rate)
    if in_integers:
        return blocks
    return resample_blocks(map(to_float, blocks), rate, metadata.sample_rate)


def _resampled(
    parts: Iterable[NDArray[Any]], rate_in: int, rate_out: int
) -> Iterator[NDArray[Any]]:
    """[sources, samples, ...], as resampling takes them: with the samples first."""
    shape: tuple[int, ...] = ()

    def columns() -> Iterator[NDArray[Any]]:
        nonlocal shape
        for part in parts:
            moved = np.moveaxis(part, 1, 0)
            shape = moved.shape[1:]
            yield moved.reshape(len(moved), math.prod(shape))

    for column in resample_blocks(columns(), rate_in, rate_out):
        yield np.moveaxis(column.reshape(len(column), *shape), 0, 1)


class _Counted:
    """Blocks, and how many samples of them have gone by."""

    def __init__(self, blocks: Iterable[Samples]) -> None:
        self._blocks = blocks
        self.samples = 0

    def __iter__(self) -> Iterator[Samples]:
        for block in self._blocks:
            self.samples += len(block)
            yield block


def _fitted(
    parts: Iterable[Samples], shape: tuple[int, ...], counted: _Counted
) -> Iterator[NDArray[Any]]:
    """As many samples as went in: resampling there and back may be off by a few at the end."""
    done = 0
    for part in parts:
        part = part[:, : counted.samples - done]
        done += part.shape[1]
        yield part
    if done < counted.samples:
        yield np.zeros((shape[0], counted.samples - done, *shape[1:]), np.float32)
