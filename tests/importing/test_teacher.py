from fqss_tf.importing.teacher import PublishedRun, float_source
from fqss_tf.runs.shipped import ShippedRun


def test_a_folder_stays_a_path(tmp_path, toy_ships, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert float_source(None) is None
    assert float_source(tmp_path) == tmp_path
    assert float_source("runs/gone") == "runs/gone"
    (tmp_path / "toy").mkdir()
    assert float_source("toy") == "toy"


def test_a_file_is_a_checkpoint(tmp_path):
    path = tmp_path / "toy"
    path.touch()
    assert isinstance(float_source(path), PublishedRun)


def test_a_name_is_that_of_a_model_that_ships(tmp_path, toy_ships, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = float_source("toy")
    assert isinstance(run, ShippedRun) and run.recipe == toy_ships.recipe
