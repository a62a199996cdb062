import numpy as np
import pytest
import soundfile

from fqss_tf import audio
from fqss_tf.audio.channels import downmix_signs, mono

VOICE = (0.5 * np.sin(np.arange(4000) / 9)).astype(np.float32)
OTHER = (0.4 * np.cos(np.arange(4000) / 5)).astype(np.float32)
NOISE = np.random.default_rng(0).uniform(-1e-4, 1e-4, 4000).astype(np.float32)


@pytest.mark.parametrize("channels, signs", [
    ([VOICE, VOICE], [1, 1]),
    ([VOICE, OTHER], [1, 1]),
    ([VOICE, -VOICE], [1, -1]),
    ([-0.3 * VOICE, VOICE], [-1, 1]),
    ([VOICE, 0 * VOICE], [1, 0]),
    ([NOISE, VOICE], [0, 1]),
    ([0 * VOICE, 0 * VOICE], [1, 1]),
    ([VOICE, 0 * VOICE, -VOICE, OTHER], [1, 0, -1, 1]),
])  # fmt: skip
@pytest.mark.parametrize("dtype", [np.float32, np.int16])
def test_no_channel_takes_from_another(channels, signs, dtype):
    samples = np.stack(channels, axis=1)
    if dtype == np.int16:
        samples = np.round(samples * 2**15).astype(np.int16)
    found = downmix_signs([samples[:1000], samples[1000:]])
    assert found.tolist() == signs
    one = mono(samples, found)
    assert one.dtype == dtype
    expected = np.mean([c * s for c, s in zip(samples.T, signs, strict=True) if s], axis=0)
    assert np.abs(one - expected).max() <= (0.5 if dtype == np.int16 else 1e-6)


def test_a_file_is_asked_for_its_signs(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.stack([VOICE, -VOICE], axis=1), 8000)
    with audio.Reader(path) as file:
        assert file.downmix_signs().tolist() == [1, -1]


def test_nothing_has_no_signs():
    assert downmix_signs([]).tolist() == []
