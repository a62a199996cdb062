import numpy as np
import pytest

from fqss_tf.benchmark.long_recording import PROGRESS_EVERY, measure_long_recording
from fqss_tf.errors import FqssError


def test_memory_does_not_grow_with_the_recording(tiny_tflite):
    minute = np.random.default_rng(0).integers(-9000, 9000, 60 * 8000).astype(np.int16)
    seen = []
    short, long = (
        measure_long_recording(
            tiny_tflite, minute, hours, progress=lambda *shares: seen.append(shares)
        )
        for hours in (1 / 60, 20 / 60)
    )
    # 20 minutes are 19 MB in 16 bits, and thrice that with their sources.
    assert abs(long["peak_bytes"] - short["peak_bytes"]) < 10e6
    assert 0 < long["real_time_factor"] < 1
    assert len(seen) > 10 and all(done >= PROGRESS_EVERY * 8000 for done, _ in seen)
    assert seen[-1][1] == 20 * 60 * 8000


def test_a_step_model_is_a_mistake(step_tflite):
    with pytest.raises(FqssError, match="is a streaming model"):
        measure_long_recording(step_tflite, np.zeros(8000, np.int16), 0.001)
