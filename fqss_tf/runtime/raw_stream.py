"""Raw 16-bit samples through a model as they come: what sox, ffmpeg and arecord speak."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fqss_tf.errors import FqssError
from fqss_tf.types import Samples

SAMPLE = np.dtype("<i2")
READ_BYTES = 2**16


class BlockSeparator(Protocol):
    """A ``Separator`` or a ``StreamingSeparator``, for a stream."""

    def separate_blocks(self, blocks: Iterable[Samples], rate: int) -> Iterator[Samples]:
        """Separates a mono stream that comes in blocks."""


class Source(Protocol):
    """A binary file that is read."""

    def read(self, size: int, /) -> bytes:
        """Returns some bytes, none at the end."""


class Sink(Protocol):
    """A binary file that is written."""

    def write(self, content: bytes, /) -> object:
        """Appends all of the bytes."""

    def flush(self) -> object:
        """Passes on what was written."""


def separate_stream(separator: BlockSeparator, source: Source, sink: Sink, rate: int) -> None:
    """Separates raw samples until their end, in constant memory.

    A sample leaves at the latest ``metadata.latency`` after it came (at another rate than the
    model's, also the delay of the resampler), and what the computer takes for it.

    Args:
        separator: a ``fqss_tf.runtime.StreamingSeparator``, or a ``Separator``, which works in
            segments, each with its own gain.
        source: binary file of signed 16-bit little-endian samples, one channel.
        sink: binary file for such samples, the sources interleaved as channels.
        rate: Hz.

    Raises:
        FqssError: no samples, half a sample at the end, or a rate that audio cannot have.
    """
    samples = _Samples(source)
    for part in separator.separate_blocks(samples, rate):
        if not part.size:
            continue
        sink.write(np.ascontiguousarray(part.T, SAMPLE).tobytes())
        sink.flush()
    if samples.is_empty:
        raise FqssError("the stream holds no samples")
    if samples.rest:
        raise FqssError("the stream ends in the middle of a 16-bit sample: give raw s16le mono")


class _Samples:
    """int16 blocks as they come, and the odd byte that was left over."""

    def __init__(self, source: Source) -> None:
        # What is there now, where a stream can tell it, and not only all that was asked for.
        self._read: Callable[[int], bytes] = getattr(source, "read1", source.read)
        self.rest, self.is_empty = b"", True

    def __iter__(self) -> Iterator[NDArray[np.int16]]:
        while content := self._read(READ_BYTES):
            content = self.rest + content
            whole = len(content) // SAMPLE.itemsize * SAMPLE.itemsize
            self.rest, self.is_empty = content[whole:], False
            yield np.frombuffer(content[:whole], SAMPLE).astype(np.int16)
