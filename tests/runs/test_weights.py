import numpy as np
import pytest

from fqss_tf.errors import FqssError
from fqss_tf.runs.weights import load_weights


def test_weights_of_another_network_are_named(untrained, tmp_path):
    model = untrained().float_model()
    np.savez(tmp_path / "other.npz", nothing=np.zeros(1))
    with pytest.raises(FqssError, match="of another network: .* is missing"):
        load_weights(model, tmp_path / "other.npz")
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 not a zip")
    with pytest.raises(FqssError, match="cannot read .*broken.npz"):
        load_weights(model, tmp_path / "broken.npz")
