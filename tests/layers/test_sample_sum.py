import numpy as np
import pytest

from fqss_tf.layers.sample_sum import LARGEST_STEPS, SampleSum, copies_for, in_steps


def test_it_is_the_weighted_sum():
    rng = np.random.default_rng(0)
    samples = rng.integers(-128, 128, (2, 3, 5, 4)).astype(np.float32) / 128
    layer = SampleSum([127, -2, 1], 1 / 512, 0.25)
    expected = np.tensordot(samples, [127 / 512, -2 / 512, 1 / 512], axes=([1], [0])) + 0.25
    found = layer(samples).numpy()
    assert found.shape == layer.compute_output_shape(samples.shape) == (2, 1, 5, 4)
    np.testing.assert_array_equal(found[:, 0], expected)


@pytest.mark.parametrize("weight", [1.0, -1.0, 0.5, 1 / 512, -127 / 512, 128 / 512])
def test_copies_add_up_to_the_weight(weight):
    steps = in_steps(weight, 1 / 512, 6)
    assert len(steps) == 6 and sum(steps) / 512 == weight
    fewest = in_steps(weight, 1 / 512, copies_for(weight, 1 / 512))
    assert sum(fewest) / 512 == weight
    assert max(np.abs(fewest)) <= LARGEST_STEPS
    assert (len(fewest) - 1) * LARGEST_STEPS < abs(weight) * 512
