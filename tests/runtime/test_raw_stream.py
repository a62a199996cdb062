import io

import numpy as np
import pytest

from fqss_tf.errors import FqssError
from fqss_tf.runtime import Separator
from fqss_tf.runtime.raw_stream import separate_stream


class Trickle(io.RawIOBase):
    """A pipe that gives an odd number of bytes at a time."""

    def __init__(self, content):
        self._content = io.BytesIO(content)

    def read(self, _):
        return self._content.read(1001)


def samples(count):
    wave = 9000 * np.sin(np.arange(count) / 9) * np.sin(np.arange(count) / 900)
    return np.round(wave).astype("<i2")


@pytest.fixture(scope="module")
def separator(tiny_tflite):
    return Separator(tiny_tflite)


@pytest.mark.parametrize("source", [io.BytesIO, Trickle])
@pytest.mark.parametrize("rate", [8000, 44100])
@pytest.mark.parametrize("count", [1, 799, 800, 5000])
def test_every_sample_comes_back_with_the_sources_as_channels(separator, source, rate, count):
    sink = io.BytesIO()
    separate_stream(separator, source(samples(count).tobytes()), sink, rate)
    estimates = np.frombuffer(sink.getvalue(), "<i2").reshape(-1, 2)
    assert estimates.shape == (count, 2)
    if rate == 8000:
        expected = separator(samples(count), rate).values()
        assert np.array_equal(estimates, np.stack(list(expected), axis=1))


def test_sound_leaves_while_more_is_to_come(separator):
    sink = io.BytesIO()
    returned = []

    class Source:
        def __init__(self):
            self._content = io.BytesIO(samples(8000).tobytes())

        def read(self, _):
            returned.append(len(sink.getvalue()) // 4)
            return self._content.read(200)

    separate_stream(separator, Source(), sink, 8000)
    given = 100 * np.arange(len(returned))
    assert (given - returned < 800 + 100).all()


@pytest.mark.parametrize("content, message", [(b"", "no samples"), (b"abc", "middle")])
def test_what_is_no_stream_of_samples_is_named(separator, content, message):
    with pytest.raises(FqssError, match=message):
        separate_stream(separator, io.BytesIO(content), io.BytesIO(), 8000)


def test_half_a_sample_at_the_end_loses_no_sound(separator):
    sink = io.BytesIO()
    with pytest.raises(FqssError, match="middle"):
        separate_stream(separator, io.BytesIO(samples(3000).tobytes() + b"x"), sink, 8000)
    assert len(sink.getvalue()) == 3000 * 4
