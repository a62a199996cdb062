import csv
import html.parser
import json

import numpy as np
import pytest
import soundfile
from PIL import Image

from fqss_tf.analysis import simulation
from fqss_tf.analysis.analyze import Options, analyze
from fqss_tf.data.manifest import mixture_of_two, write_manifest
from fqss_tf.errors import FqssError

OPTIONS = Options(tensor_utterances=1, seconds=0.1, least_sdr=-100.0)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    for seed, name in enumerate(["a.wav", "b.wav"]):
        wave = np.random.default_rng(seed).uniform(-0.5, 0.5, 5000)
        soundfile.write(folder / name, wave, 8000)
    write_manifest(folder / "mixtures.csv", [
        mixture_of_two("loud", 6.0, "a.wav", 0, 0.8, "b.wav", 0, 0.4, 5000),
        mixture_of_two("even", 0.0, "a.wav", 400, 0.6, "b.wav", 0, 0.6, 4200),
        mixture_of_two("last", 0.0, "a.wav", 200, 0.6, "b.wav", 90, 0.6, 4000),
    ])
    return folder


@pytest.fixture(scope="module")
def run_folder(untrained, tmp_path_factory):
    """The tiny network in a run folder, with a float model alone."""
    from fqss_tf.runs.folder import FLOAT_WEIGHTS, RunFolder
    from fqss_tf.runs.weights import save_weights

    run = untrained("quantization.calibration_steps=2", "qat.batch_size=1")
    folder = tmp_path_factory.mktemp("run") / "run"
    RunFolder.create(folder, run.recipe, "fqss")
    save_weights(run.float_model(), folder / FLOAT_WEIGHTS)
    return folder


@pytest.fixture(scope="module")
def both(run_folder, tflite_files, data, tmp_path_factory):
    """(what was found, the folder with it, the progress reported)."""
    output, seen = tmp_path_factory.mktemp("output") / "new", []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simulation, "BITS", (4, 8))
        found = analyze(
            [run_folder, *tflite_files], data, output, options=OPTIONS,
            progress=lambda *step: seen.append(step),
        )
    return found, output, seen


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_everything_is_there(both):
    _, output, _ = both
    names = {path.name for path in output.iterdir()}
    assert names == {
        "analysis.json", "report.html", "audio", "losses.png", "bits.png", "tensors.png",
        "layers.png", "curves.csv", "tensors.csv", "tensor_noise.csv", "files.csv", "layers.csv",
    }


def test_figures_are_small_pictures(both):
    _, output, _ = both
    for path in output.glob("*.png"):
        assert path.stat().st_size < 100_000
        assert Image.open(path).size[0] > 500


def test_json_and_csv_agree(both):
    found, output, _ = both
    stored = json.loads((output / "analysis.json").read_text())
    assert stored == json.loads(json.dumps(found.to_dict()))
    lines = rows(output / "files.csv")
    for entry in stored["files"]:
        own = [float(row["float_sdr"]) - float(row["sdr"]) for row in lines
               if row["model"] == entry["model"]]
        assert len(own) == 6
        assert entry["loss"] == pytest.approx(np.mean(own), abs=1e-3)
    curve = rows(output / "curves.csv")
    assert {row["part"] for row in curve} == {"input", "output", "weights", "activations", "all"}
    assert {row["network"] for row in curve} == {"plain", "split"}
    assert {row["layer"] for row in rows(output / "layers.csv")} >= {"encoder", "masked"}


class Page(html.parser.HTMLParser):
    """Counts players, and notes every address outside the page."""

    def __init__(self, text):
        super().__init__()
        self.players, self.outside = 0, []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.players += tag == "audio"
        for key, value in attributes:
            if key in ("src", "href", "srcset") and not value.startswith("data:"):
                self.outside.append(value)


def test_the_page_plays_the_worst_sources_and_needs_no_other_file(both):
    found, output, _ = both
    text = (output / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.outside == []
    assert page.players == len(list((output / "audio").iterdir())) >= 3 * 5
    groups = [row for group in found.groups().values() for row in group]
    worst = max(groups, key=lambda row: row["float_sdr"] - row["sdr"])
    assert f"{worst['utterance']}, source {worst['source']}:" in text


def test_progress_ends_at_its_total(both):
    _, _, seen = both
    done = [step for step, _ in seen]
    assert done == sorted(done) and done[-1] == 100


def refused(match, *arguments, **options):
    output = arguments[2]
    with pytest.raises(FqssError, match=match):
        analyze(*arguments, **options)
    assert not output.exists() or list(output.iterdir()) == []


def test_a_run_of_another_network_is_refused(data, tmp_path):
    from fqss_tf.config import load_recipe
    from fqss_tf.runs.folder import FLOAT_WEIGHTS, RunFolder

    RunFolder.create(tmp_path / "run", load_recipe("sepformer-mobile", []), "fqss")
    (tmp_path / "run" / FLOAT_WEIGHTS).touch()
    refused("is a sepformer", [tmp_path / "run"], data, tmp_path / "out")


def test_mistakes_write_nothing(run_folder, tflite_files, data, tmp_path, tiny_tflite):
    output = tmp_path / "out"
    float_file, integer_file, _ = tflite_files
    refused("one float32 file and int8 files", [integer_file], data, output)
    refused("one float32 file and int8 files", [float_file], data, output)
    refused("is a second run", [run_folder, run_folder], data, output)
    refused("no model", [tmp_path / "none.tflite", float_file], data, output)
    refused("same network", [float_file, tiny_tflite], data, output)
    refused("not a run folder", [data], data, output)
    refused("no source has a float SI-SDR of 90 dB", tflite_files, data, output,
            options=Options(least_sdr=90.0))
    cut = tmp_path / "cut.tflite"
    cut.write_bytes(integer_file.read_bytes()[:5000])
    refused("cut.tflite", [float_file, cut], data, output)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut.tflite"]
