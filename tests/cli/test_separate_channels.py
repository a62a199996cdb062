"""``separate`` of recordings of several channels."""

import numpy as np
import pytest
import soundfile
from separating import run, tone


@pytest.mark.parametrize("right", [-1, 0])
def test_an_opposite_or_silent_channel_takes_nothing_away(tiny_tflite, tmp_path, output, right):
    both, alone = tmp_path / "both.wav", tmp_path / "alone.wav"
    soundfile.write(alone, tone(3000), 8000, subtype="FLOAT")
    soundfile.write(both, tone(3000, 2) * [1, right], 8000, subtype="FLOAT")
    assert run(tiny_tflite, both, alone, "--output", output).exit_code == 0
    found, expected = (
        soundfile.read(output / f"{name}_speech_1.wav")[0] for name in ("both", "alone")
    )
    assert np.array_equal(found, expected)
