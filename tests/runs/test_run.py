import numpy as np
import pytest

import fqss_tf
from fqss_tf.errors import FqssError
from fqss_tf.runs.folder import RunFolder
from fqss_tf.runs.weights import save_weights


@pytest.fixture(scope="module")
def saved(untrained, tmp_path_factory):
    """A run folder with the weights of a network that was not trained."""
    run = untrained()
    files = RunFolder.create(tmp_path_factory.mktemp("run"), run.recipe, "fqss")
    save_weights(run.float_model(), files.float_weights)
    save_weights(run.quantized_model(), files.quantized_weights)
    return fqss_tf.Run(files.path)


def test_the_models_are_those_of_the_weights(saved, untrained):
    mixture = untrained().mixtures("dev")[0][0][None, None, :, None]
    for make in ("float_model", "quantized_model"):
        models = (getattr(run, make)() for run in (untrained(), saved))
        expected, found = (np.asarray(model(mixture)) for model in models)
        np.testing.assert_array_equal(found, expected)


def test_load_model_maps_mixtures_to_estimates_on_the_16_bit_grid(saved):
    model = fqss_tf.load_model(saved.folder)
    mixture = np.random.default_rng(0).uniform(-1, 1, (3, 1, 800, 1)).astype(np.float32)
    estimates = model.predict_on_batch(mixture)
    assert estimates.shape == (3, 2, 800, 1)
    steps = estimates * 2**15
    assert np.abs(steps - np.round(steps)).max() < 1e-2


def test_a_run_without_weights_says_how_to_go_on(untrained, tmp_path):
    RunFolder.create(tmp_path, untrained().recipe, "fqss")
    with pytest.raises(FqssError, match=f"{tmp_path} has no finished model yet: .* --resume"):
        fqss_tf.load_model(tmp_path)
    with pytest.raises(FqssError, match=f"{tmp_path} has no quantized model"):
        fqss_tf.convert(fqss_tf.Run(tmp_path), tmp_path / "m.tflite")


def test_the_planes_are_those_of_the_method(untrained, tmp_path):
    RunFolder.create(tmp_path, untrained().recipe, "qat")
    assert fqss_tf.Run(tmp_path).planes == (1, 1)
    assert untrained().planes == (2, 2)
