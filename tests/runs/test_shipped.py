import numpy as np
import pytest

from fqss_tf.errors import FqssError
from fqss_tf.runs.shipped import ShippedRun
from fqss_tf.runs.weights import weights_of


def test_the_float_network_is_that_of_the_weights_beside_the_model(toy_ships):
    run = ShippedRun("toy")
    assert (run.name, run.recipe) == ("toy", toy_ships.recipe)
    found, expected = weights_of(run.float_model()), weights_of(toy_ships.float_model())
    assert found.keys() == expected.keys()
    assert all(np.array_equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize("name", ["plain", "toi"])
def test_a_model_without_float_weights_is_named(toy_ships, name):
    run = ShippedRun(name)  # nothing is read yet
    with pytest.raises(FqssError, match=f"no float network {name}: .* float network: toy$"):
        run.float_model()
