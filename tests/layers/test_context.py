import numpy as np
import pytest

from fqss_tf.layers.context import Delay, Lookahead, PastContext, SkipStart

X = np.arange(1, 25, dtype=np.float32).reshape(1, 2, 4, 3)
ZEROS = np.zeros((1, 2, 2, 3), np.float32)
CASES = [
    (PastContext, np.concatenate([ZEROS, X], axis=2)),
    (Delay, np.concatenate([ZEROS, X[:, :, :2]], axis=2)),
    (Lookahead, np.concatenate([X, ZEROS], axis=2)),
    (SkipStart, X[:, :, 2:]),
]


@pytest.mark.parametrize("kind, expected", CASES)
def test_two_frames(kind, expected):
    layer = kind.from_config(kind(2, name="two").get_config())
    assert np.array_equal(layer(X), expected)
    assert layer.compute_output_shape(X.shape) == expected.shape
    unknown = layer.compute_output_shape([None, 2, None, 3])
    assert unknown.as_list() == [None, 2, None, 3]
