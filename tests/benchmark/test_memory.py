import numpy as np

from fqss_tf.benchmark.memory import forget_peak, peak_bytes


def test_a_peak_is_kept_until_it_is_forgotten():
    forget_peak()
    before = peak_bytes()
    large = np.ones(30_000_000)
    del large
    assert peak_bytes() - before > 200e6
    forget_peak()
    assert peak_bytes() - before < 100e6
