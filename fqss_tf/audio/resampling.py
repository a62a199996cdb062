"""Changing the sample rate of a waveform, whole or as it comes."""

from collections.abc import Iterable, Iterator

import numpy as np
import soxr

from fqss_tf.errors import FqssError
from fqss_tf.types import Samples, Waveform

# Outside of these a file's header is broken, and one second of it would fill the memory.
LOWEST_RATE, HIGHEST_RATE = 100, 10_000_000


def check_rate(rate: float) -> None:
    """Raises FqssError unless the rate is a number of Hz that audio may have."""
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise FqssError(
            f"the sample rate {rate} is not between {LOWEST_RATE} and {HIGHEST_RATE} Hz"
        )


def resample(waveform: Waveform, rate_in: int, rate_out: int) -> Waveform:
    """Resamples along the first axis; float32 [samples, ...], rates in Hz.

    At least one sample comes back, however few went in.

    Raises:
        FqssError: a rate that audio cannot have.
    """
    check_rate(rate_in)
    check_rate(rate_out)
    if rate_in == rate_out:
        return waveform
    resampled = soxr.resample(waveform, rate_in, rate_out).astype(np.float32, copy=False)
    if len(resampled) == 0:
        return waveform[:1].astype(np.float32)
    return resampled


def resample_blocks(
    blocks: Iterable[Samples], rate_in: int, rate_out: int
) -> Iterator[Samples]:
    """Resamples a waveform that comes in blocks; the joined result is that of ``resample``.

    Args:
        blocks: iterable of float32 [samples] or [samples, channels], of any lengths; int16 only
            where the rates are equal.
        rate_in: Hz, of the blocks.
        rate_out: Hz, of the result.

    Yields:
        The blocks as they are where the rates are equal, else float32 of as many channels; no
        blocks without samples.

    Raises:
        FqssError: ``rate_in`` is one that audio cannot have.
    """
    check_rate(rate_in)
    if rate_in == rate_out:
        yield from blocks
        return
    stream = None
    first: Samples | None = None
    is_empty = True
    for block in blocks:
        if stream is None:
            first = block[:1]
            channels = 1 if block.ndim == 1 else block.shape[1]
            stream = soxr.ResampleStream(rate_in, rate_out, channels, dtype="float32")
        resampled = stream.resample_chunk(np.ascontiguousarray(block))
        if len(resampled):
            is_empty = False
            yield resampled
    if stream is not None and first is not None:
        rest = stream.resample_chunk(first[:0], last=True)
        if len(rest) or is_empty:
            yield rest if len(rest) else first
