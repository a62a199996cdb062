import json

import pytest

import fqss_tf.quickstart
from fqss_tf.config import load_recipe
from fqss_tf.data.make_bundled import INPUT_SNR_DB
from fqss_tf.errors import FqssError
from fqss_tf.evaluation import snr_table
from fqss_tf.quickstart import MODELS, TEACHER, quickstart, table
from fqss_tf.runs.shipped import ShippedRun


def test_the_teacher_is_the_recipes_network():
    shipped, recipe = ShippedRun(TEACHER).recipe, load_recipe("quickstart")
    assert shipped.model == recipe.model
    assert shipped.data.sources == recipe.data.sources
    assert shipped.data.sample_rate == recipe.data.sample_rate


# Every input SNR of one voice and one background.
SCORED_MIXTURES = len(INPUT_SNR_DB)


@pytest.fixture
def few_mixtures(monkeypatch):
    whole = fqss_tf.quickstart.load_mixtures

    def some(*arguments):
        mixtures, rate = whole(*arguments)
        return mixtures[:SCORED_MIXTURES], rate

    monkeypatch.setattr(fqss_tf.quickstart, "load_mixtures", some)


@pytest.mark.slow
def test_quickstart_makes_integer_models_as_good_as_float(few_mixtures, tmp_path):
    settings = (
        "qat.steps=2", "qat.evaluate_every=2", "qat.batch_size=1", "data.dev_mixtures=1",
        "quantization.calibration_steps=5",
    )
    outcome = quickstart(tmp_path / "out", settings=settings)
    rows = json.loads((tmp_path / "out" / "results.json").read_text())
    assert rows == outcome["results"]
    by_method = {row["method"]: row for row in rows}
    assert set(by_method) == {method for _, method, _, _ in MODELS}
    for row in rows:
        assert row["bytes"] == (tmp_path / "out" / row["model"]).stat().st_size
    assert by_method["fqss"]["sqnr"] >= 30
    assert abs(by_method["fqss"]["drop"]) <= 0.3
    assert by_method["float"]["si_sdri"] > 0.5
    assert by_method["ptq"]["bytes"] < by_method["float"]["bytes"] / 2
    assert by_method["fqss"]["bytes"] < by_method["float"]["bytes"] / 2
    sweep = outcome["sweep"]
    assert sweep == json.loads((tmp_path / "out" / "sweep.json").read_text())
    assert [row["input_snr"] for row in sweep] == 4 * list(INPUT_SNR_DB)
    assert all(row["drop"] == 0 for row in sweep if row["method"] == "float")
    assert (tmp_path / "out" / "report.html").stat().st_size > 1e5
    # A mixture, two true sources, two of float and two of FQSS, at three levels.
    assert len(list((tmp_path / "out" / "audio").glob("*.wav"))) == 3 * 7
    assert "fqss_int8.tflite" in table(rows) and "fqss loses" in snr_table(sweep)


def test_a_folder_of_the_teachers_name_is_not_the_teacher(tmp_path, monkeypatch):
    class Asked(Exception):
        pass

    def asked(recipe, folder, method, start):
        raise Asked(type(start).__name__)

    (tmp_path / TEACHER).mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fqss_tf.quickstart, "train", asked)
    with pytest.raises(Asked, match="ShippedRun"):
        quickstart(tmp_path / "out")


def test_another_rate_is_refused_before_anything_is_trained(tmp_path):
    with pytest.raises(FqssError, match="leave data.sample_rate at 16000"):
        quickstart(tmp_path / "out", settings=["data.sample_rate=8000"])
    assert not (tmp_path / "out").exists()
