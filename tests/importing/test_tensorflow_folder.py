"""A checkpoint folder of TensorFlow becomes a run that computes what its own graph does."""

import json

import numpy as np
import pytest
from spleeter_checkpoint import own_graph, tensors, write_checkpoint

import fqss_tf
from fqss_tf.errors import FqssError
from fqss_tf.importing.checkpoint import is_checkpoint, read_checkpoint
from fqss_tf.importing.importer import read_published
from fqss_tf.runs.run import Run

SIZES = {"frame_length": 256, "frame_step": 64, "F": 64}


@pytest.fixture
def folder(tmp_path):
    return write_checkpoint(tmp_path, tensors())


def test_all_floats_are_read_by_name(folder):
    found = read_checkpoint(folder).tensors
    expected = tensors()
    assert is_checkpoint(folder) and set(found) == set(expected)
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)


def test_the_run_gives_what_the_graph_of_the_checkpoint_gives(spleeter_run):
    magnitudes = np.random.default_rng(3).exponential(20, (1, 64, 64, 2)).astype(np.float32)
    expected = own_graph(tensors(), magnitudes)
    given = fqss_tf.load_model(spleeter_run)(magnitudes).numpy()
    assert given.shape == (1, 2, 64, 64, 2)
    assert np.abs(given[:, 0] - expected[0]).max() <= 5e-6 * np.abs(expected).max()
    assert np.abs(given[:, 1] - expected[1]).max() <= 5e-6 * np.abs(expected).max()


def test_the_run_says_where_it_is_from(spleeter_run):
    run = Run(spleeter_run)
    assert (run.publisher, run.recipe.network) == ("spleeter", "spleeter")
    assert run.recipe.source_names == ("vocals", "accompaniment")
    assert run.recipe.data.sample_rate == 44100
    assumed = json.loads((spleeter_run / "run.json").read_text())["imported"]["assumed"]
    assert assumed == {"activation": "relu", "masks": "sigmoid"}


@pytest.mark.parametrize("stems, names, activation, masks", [
    (4, ("vocals", "drums", "bass", "other"), "elu", "sigmoid"),
    (5, ("vocals", "piano", "drums", "bass", "other"), "elu", "softmax"),
])
def test_the_number_of_stems_tells_their_names(stems, names, activation, masks, tmp_path):
    recipe = read_published(write_checkpoint(tmp_path, tensors(stems))).recipe
    assert recipe.source_names == names
    assert (recipe.model.activation, recipe.model.masks) == (activation, masks)
    assert (recipe.model.kernel, recipe.model.hop, recipe.model.bins) == (4096, 1024, 1024)


def test_another_number_of_stems_is_refused(tmp_path):
    with pytest.raises(FqssError, match="it has 3 stems: only 2, 4, 5 have names"):
        read_published(write_checkpoint(tmp_path, tensors(3)))


def test_what_training_left_is_no_weight(tmp_path):
    values = tensors() | {"conv2d/kernel/Adam": np.zeros((5, 5, 2, 2), np.float32),
                          "conv2d/kernel/Adam_1": np.zeros((5, 5, 2, 2), np.float32),
                          "beta1_power": np.float32(0.9)}
    assert read_published(write_checkpoint(tmp_path, values)).publisher == "spleeter"


@pytest.mark.parametrize("name, message", [
    ("conv2d_8/kernel", "conv2d_8/kernel"),
    ("batch_normalization_23/moving_variance", "batch_normalization_23/moving_variance is missing"),
    ("conv2d_transpose_5/bias", "conv2d_transpose_5/bias is missing"),
])
def test_a_missing_tensor_is_named(name, message, tmp_path):
    values = tensors()
    del values[name]
    with pytest.raises(FqssError, match=message):
        read_published(write_checkpoint(tmp_path, values), arguments=SIZES)


def test_a_tensor_of_another_shape_is_named(tmp_path):
    values = tensors() | {"conv2d_3/kernel": np.zeros((5, 5, 8, 17), np.float32)}
    with pytest.raises(FqssError, match=r"conv2d_3/kernel is \[5, 5, 8, 17\]"):
        read_published(write_checkpoint(tmp_path, values))


def test_a_tensor_too_many_is_named(tmp_path):
    values = tensors() | {"lstm/kernel": np.zeros((5, 5), np.float32)}
    with pytest.raises(FqssError, match="lstm/kernel does not belong to it"):
        read_published(write_checkpoint(tmp_path, values))


def test_infinite_weights_are_refused(tmp_path):
    values = tensors()
    values["conv2d/bias"][0] = np.inf
    with pytest.raises(FqssError, match="conv2d/bias holds NaN or infinite"):
        read_checkpoint(write_checkpoint(tmp_path, values))


@pytest.mark.parametrize("part", ["index", "data-00000-of-00001"])
@pytest.mark.parametrize("damage", ["gone", "cut", "garbled"])
def test_damage_is_one_line(part, damage, folder):
    path = folder / f"model.{part}"
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(content[: len(content) // 2] if damage == "cut" else bytes(len(content)))
    with pytest.raises(FqssError) as error:
        read_published(folder)
    assert "\n" not in str(error.value) and str(folder) in str(error.value)


def test_the_latest_of_several_is_read(folder):
    write_checkpoint(folder, tensors(seed=5), "later")
    np.testing.assert_array_equal(
        read_checkpoint(folder).tensors["conv2d/kernel"], tensors(seed=5)["conv2d/kernel"]
    )
    (folder / "checkpoint").unlink()
    with pytest.raises(FqssError, match="has 2 checkpoints"):
        read_checkpoint(folder)


def test_unsupported_arguments_are_refused(folder):
    with pytest.raises(FqssError, match="separation_exponent 1 is not supported: only 2 is"):
        read_published(folder, arguments={"separation_exponent": 1})
    with pytest.raises(FqssError, match="mask_extension 'average' is not supported"):
        read_published(folder, arguments={"mask_extension": "average"})


def test_a_folder_of_anything_else_is_refused(tmp_path):
    with pytest.raises(FqssError, match="folder of speechbrain or TensorFlow"):
        read_checkpoint(tmp_path)
