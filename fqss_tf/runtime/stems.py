"""What is made of the sources: each, some, one and the sum of the rest, and what none has."""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from fqss_tf.errors import FqssError
from fqss_tf.runtime.samples import to_float
from fqss_tf.tflite.metadata import Metadata
from fqss_tf.types import Samples

# Name of a result -> how often it has each source, and the mixture at the end: 1, 0 or -1.
Mixdown: TypeAlias = Mapping[str, tuple[int, ...]]
RESIDUAL = "residual"
REST = "no_{}"  # what Demucs calls all but one stem


def mixdown(
    metadata: Metadata,
    two_stems: str | None = None,
    only: Sequence[str] = (),
    residual: bool = False,
) -> Mixdown:
    """Returns what to make of the sources of a model: each of them, unless something else is asked.

    Args:
        metadata: of the model.
        two_stems: this source, and the sum of all others under the name ``no_SOURCE``.
        only: these sources alone.
        residual: also the mixture less all sources, under the name ``residual``.

    Raises:
        FqssError: no such source, sources without names, both of the first two, or two results of
            one name.
    """
    sources = metadata.sources
    each = {name: tuple(int(name == other) for other in sources) + (0,) for name in sources}
    wanted: dict[str, tuple[int, ...]] = dict(each)
    if two_stems is not None and only:
        raise FqssError("two stems and some stems are two choices: give one")
    if two_stems is not None or only:
        _check_names(metadata, only or [str(two_stems)])
    if two_stems is not None:
        rest = tuple(int(two_stems != other) for other in sources) + (0,)
        wanted = {two_stems: each[two_stems], REST.format(two_stems): rest}
    elif only:
        wanted = {name: each[name] for name in only}
    if residual:
        wanted[RESIDUAL] = (-1,) * len(sources) + (1,)
    for name in wanted:
        if name in each and wanted[name] != each[name]:
            raise FqssError(f"the model has a source {name}, so nothing else can be called so")
    return wanted


def _check_names(metadata: Metadata, names: Iterable[str]) -> None:
    if not metadata.has_named_sources:
        raise FqssError("the sources of this model have no names: which is which is left to chance")
    for name in names:
        if name not in metadata.sources:
            near = difflib.get_close_matches(name, metadata.sources, n=1)
            hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(metadata.sources)}"
            raise FqssError(f"the model has no source {name or repr(name)}: {hint}")


def mixed(part: Samples, mixture: Samples, weights: tuple[int, ...]) -> Samples:
    """Returns one result of a part of a recording.

    Args:
        part: [sources, samples] or [sources, samples, channels], int16 or float32.
        mixture: the same samples of the recording, [samples] or [samples, channels].
        weights: of the result in a ``Mixdown``.

    Returns:
        [samples] or [samples, channels]: a source as it is, else float32 of full scale 1, which may
        lie beyond it.
    """
    if sum(map(abs, weights)) == 1 and 1 in weights[:-1]:
        return cast(Samples, part[weights.index(1)])
    total = np.tensordot(np.array(weights[:-1], np.float64), _floats(part), 1)
    return (total + weights[-1] * _floats(mixture)).astype(np.float32)


class SumOfSources:
    """How well the sources of a recording add up to it."""

    def __init__(self) -> None:
        self._mixture = self._difference = 0.0

    def add(self, part: Samples, mixture: Samples) -> None:
        """Takes a part of the recording, shaped as for ``mixed``."""
        heard = _floats(mixture)
        self._mixture += float(np.square(heard).sum())
        self._difference += float(np.square(heard - _floats(part).sum(axis=0)).sum())

    @property
    def decibels(self) -> float | None:
        """Energy of the mixture over that of what the sum lacks, dB; None if either is 0."""
        if not self._mixture or not self._difference:
            return None
        return 10 * float(np.log10(self._mixture / self._difference))


class Remembered:
    """The blocks of a recording as they pass, and each sample once more when it is asked for.

    Args:
        blocks: iterable of [samples] or [samples, channels], of one type.
    """

    def __init__(self, blocks: Iterable[Samples]) -> None:
        self._blocks = blocks
        self._waiting: list[Samples] = []

    def __iter__(self) -> Iterator[Samples]:
        for block in self._blocks:
            self._waiting.append(block)
            yield block

    def take(self, samples: int) -> Samples:
        """Returns the next samples of those that have passed, and forgets them."""
        taken: list[Samples] = []
        missing = samples
        while missing and self._waiting:
            block = self._waiting.pop(0)
            taken.append(block[:missing])
            if len(block) > missing:
                self._waiting.insert(0, block[missing:])
            missing -= len(taken[-1])
        return cast(Samples, np.concatenate(taken)) if taken else np.zeros(0, np.float32)


def _floats(samples: Samples) -> NDArray[np.float64]:
    return to_float(samples).astype(np.float64)
