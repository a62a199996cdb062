"""Raw 16-bit samples through a model as they come: what sox, ffmpeg and arecord speak."""

import numpy as np

from fqss_tf.errors import FqssError

SAMPLE = np.dtype("<i2")
READ_BYTES = 2**16


def separate_stream(separator, source, sink, rate):
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

    def __init__(self, source):
        # What is there now, where a stream can tell it, and not only all that was asked for.
        self._read = getattr(source, "read1", source.read)
        self.rest, self.is_empty = b"", True

    def __iter__(self):
        while content := self._read(READ_BYTES):
            content = self.rest + content
            whole = len(content) // SAMPLE.itemsize * SAMPLE.itemsize
            self.rest, self.is_empty = content[whole:], False
            yield np.frombuffer(content[:whole], SAMPLE).astype(np.int16)
