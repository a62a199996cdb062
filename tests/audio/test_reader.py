import numpy as np
import pytest
import soundfile

from fqss_tf.audio import Reader
from fqss_tf.errors import FqssError


def noise(samples, channels):
    return np.random.default_rng(0).uniform(-1, 1, (samples, channels)).astype(np.float32)


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr("fqss_tf.audio.decoding.BLOCK_VALUES", 1000)


@pytest.mark.parametrize("suffix, channels", [("wav", 1), ("wav", 6), ("flac", 2), ("ogg", 1)])
def test_blocks_are_the_file(tmp_path, small_blocks, suffix, channels):
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, noise(5000, channels), 44100)
    with Reader(path) as file:
        assert (file.rate, file.frames, file.channels) == (44100, 5000, channels)
        blocks = list(file.blocks())
    assert len(blocks) > 4
    assert all(block.size <= 1000 and block.dtype == np.float32 for block in blocks)
    assert np.array_equal(np.concatenate(blocks), soundfile.read(path, always_2d=True)[0])


def test_16_bit_blocks_are_the_samples(tmp_path, small_blocks):
    path = tmp_path / "a.wav"
    samples = np.arange(-(2**15), 2**15, 7).astype(np.int16)
    soundfile.write(path, samples, 8000)
    with Reader(path) as file:
        assert np.array_equal(np.concatenate(list(file.blocks("int16")))[:, 0], samples)


@pytest.mark.parametrize("rate", [1, 50])
def test_a_rate_that_no_audio_has_is_refused_with_the_name_of_the_file(tmp_path, rate):
    soundfile.write(tmp_path / "a.wav", np.zeros(10), rate)
    with pytest.raises(FqssError, match=f"a.wav: the sample rate {rate}"):
        Reader(tmp_path / "a.wav")
