"""Names of models that ship, and paths."""

import pytest

from fqss_tf.errors import FqssError
from fqss_tf.tflite import TfliteFile
from fqss_tf.tflite.file import open_model
from fqss_tf.tflite.shipped import is_shipped, list_float_models, list_models, model_path


def test_models_are_listed_by_their_files(toy_ships):
    assert list_models() == ["plain", "toy"]
    assert list_float_models() == ["toy"]
    assert model_path("toy").read_bytes()[4:8] == b"TFL3"


@pytest.mark.parametrize("opening", [TfliteFile.open, open_model])
def test_an_open_model_keeps_its_name(toy_ships, opening):
    file = opening("toy")
    assert (file.name, file.path) == ("toy", model_path("toy"))
    assert file.metadata.network == "toy"


def test_what_lies_in_the_working_folder_comes_first(toy_ships, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert is_shipped("toy") and not is_shipped("toy.tflite") and not is_shipped("folder/toy")
    (tmp_path / "toy").mkdir()
    assert not is_shipped("toy")
    assert str(model_path("toy")) == "toy" and str(open_model("toy")) == "toy"


@pytest.mark.parametrize("opening", [TfliteFile.open, open_model, model_path])
def test_an_unknown_name_lists_the_known_ones(toy_ships, opening):
    with pytest.raises(FqssError, match="no model toi: .* one of plain, toy$"):
        opening("toi")
