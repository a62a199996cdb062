"""Sizes that do not go together are refused by name."""

import pytest

from fqss_tf.config import load_recipe
from fqss_tf.errors import FqssError


@pytest.mark.parametrize("setting, message", [
    ("model.sources=1", "model.sources is 1: it must be at least 2"),
    ("model.hop=1000", "is not a multiple of model.hop"),
    ("model.hop=2048", "must be 4 times model.hop"),
    ("model.bins=1000", "model.bins is 1000: it must be a multiple of 64"),
    ("model.bins=2112", "at most half"),
    ("model.masks=soft", "use one of sigmoid, softmax"),
    ("model.activation=gelu", "use one of relu, elu"),
])
def test_a_wrong_size_is_named(setting, message):
    with pytest.raises(FqssError, match=message):
        load_recipe("spleeter-2stems", [setting, "data.sources=[]"])


@pytest.mark.parametrize("recipe, stems", [
    ("spleeter-2stems", ("vocals", "accompaniment")),
    ("spleeter-4stems", ("vocals", "drums", "bass", "other")),
    ("spleeter-5stems", ("vocals", "piano", "drums", "bass", "other")),
])
def test_recipes_are_the_published_ones(recipe, stems):
    found = load_recipe(recipe)
    assert found.source_names == stems and found.data.sample_rate == 44100
    assert found.segment() == 512 * 1024
    assert (found.model.activation == "elu") == (len(stems) > 2)
    assert (found.model.masks == "softmax") == (len(stems) == 5)


def test_segments_are_whole_multiples_of_64_frames():
    recipe = load_recipe("spleeter-2stems")
    assert recipe.segment(0.1) == 64 * 1024
    assert recipe.segment(3.0) == 2 * 64 * 1024


def test_more_planes_than_two_are_refused():
    config = load_recipe("spleeter-2stems").model
    config.check_output_planes(2)
    with pytest.raises(FqssError, match="2 planes at most"):
        config.check_output_planes(3)
    with pytest.raises(FqssError, match="residual exact"):
        config.check_output_planes(2, "samples")
