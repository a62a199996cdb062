import numpy as np
import pytest

from fqss_tf.errors import FqssError
from fqss_tf.runtime.level_envelope import StreamLevel
from fqss_tf.runtime.stream_level import level_of_steps


def test_a_fixed_gain_is_one_level():
    level = level_of_steps(20, 62.5)
    samples, levels = level(np.array([5.0, -7.0]))
    assert samples.tolist() == [5, -7] and levels.tolist() == [3277, 3277]


def test_the_running_gain_follows_the_sound():
    assert isinstance(level_of_steps("running", 62.5), StreamLevel)


def test_a_gain_may_be_a_number_of_numpy():
    sound = np.ones((1, 4), np.int16)
    expected, found = (level_of_steps(gain, 62.5)(sound)[0] for gain in (6, np.float32(6)))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("gain", ["loud", 61, float("nan"), None])
def test_other_gains_are_refused(gain):
    with pytest.raises(FqssError, match="use running or decibels"):
        level_of_steps(gain, 62.5)
