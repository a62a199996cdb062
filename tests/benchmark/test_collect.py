import importlib.util
import json
import shutil

import pytest

from fqss_tf.benchmark.collect import RecipeOptions, collect, is_recipe
from fqss_tf.errors import FqssError
from fqss_tf.export import convert as convert_module
from fqss_tf.tflite import TfliteFile
from fqss_tf.tflite.op_report import conversion_ops

TINY = """
model: {filters: 32, kernel: 16, hop: 8, bottleneck: 4, skip: 4, hidden: 8, blocks: 1, repeats: 1}
"""


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    return str(path)


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "made"
    path.mkdir()
    return path


@pytest.fixture
def conversions(monkeypatch, tiny_tflite):
    """Conversion copies a file; what it was asked for is listed."""
    calls = []

    def convert(run, output, kind, seconds):
        calls.append((run.recipe.model.filters, kind, seconds))
        shutil.copy(tiny_tflite, output)

    monkeypatch.setattr(convert_module, "convert", convert)
    return calls


def test_what_is_a_recipe(recipe, tiny_tflite, tmp_path):
    assert is_recipe("voice-micro")
    assert is_recipe(recipe)
    assert is_recipe("misspelled")
    assert not is_recipe(str(tiny_tflite))
    assert not is_recipe("missing.tflite")
    assert not is_recipe(str(tmp_path))
    renamed = tmp_path / "model.bin"
    shutil.copy(tiny_tflite, renamed)
    assert not is_recipe(str(renamed))


def test_a_type_that_a_recipe_cannot_have_is_left_out(
    recipe, folder, monkeypatch, conversions, logged
):
    take = convert_module.convert

    def refuse(run, output, kind, seconds):
        if kind != "int8":
            raise FqssError(f"{kind} is refused")
        take(run, output, kind, seconds)

    monkeypatch.setattr(convert_module, "convert", refuse)
    subjects = collect([recipe], RecipeOptions(types=("int8", "int16x8")), folder).subjects
    assert [subject.name for subject in subjects] == [f"{recipe} int8"]
    assert logged() == [f"left out: {recipe} int16x8: int16x8 is refused"]
    (folder / "none").mkdir()
    with pytest.raises(FqssError, match="float16 is refused"):
        collect([recipe], RecipeOptions(types=("float16",)), folder / "none")


def test_a_recipe_becomes_a_model_a_type(recipe, folder, conversions, tiny_tflite):
    options = RecipeOptions(types=("int8", "float32"), seconds=0.5, settings=("model.filters=40",))
    done = []
    collected = collect(
        [recipe, str(tiny_tflite)], options, folder, lambda *now: done.append(now)
    )
    subjects = collected.subjects
    assert conversions == [(40, "int8", 0.5), (40, "float32", 0.5)]
    assert [subject.name for subject in subjects] == [
        f"{recipe} int8", f"{recipe} float32", str(tiny_tflite)
    ]
    assert [subject.scored for subject in subjects] == [None, None, tiny_tflite]
    assert all(subject.path.is_file() for subject in subjects)
    assert {name: file.path for name, file in collected.files.items()} == {
        subject.name: subject.path for subject in subjects
    }
    assert done == [(1, 2), (2, 2)]


def test_pytorch_gets_the_same_sizes_and_segment(recipe, folder, conversions, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    *_, last = collect([recipe], RecipeOptions(torch=True, seconds=0.5), folder).subjects
    assert (last.name, last.runtime) == (f"{recipe} PyTorch float32", "PyTorch")
    assert (last.samples, last.seconds) == (4000, 0.5)
    assert last.config.filters == 32


def test_missing_pytorch_is_found_before_anything_is_converted(
    recipe, folder, conversions, monkeypatch
):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FqssError, match="PyTorch, which is missing: pip install torch"):
        collect([recipe], RecipeOptions(torch=True), folder)
    assert conversions == []


@pytest.mark.parametrize(
    "name, message",
    [
        ("mobil", "no model mobil: give .* two-voices"),
        ("none.tflite", "no model none.tflite"),
    ],
)
def test_a_mistake_behind_a_recipe_is_found_before_it_is_converted(
    recipe, folder, conversions, name, message
):
    with pytest.raises(FqssError, match=message):
        collect([recipe, name], RecipeOptions(), folder)
    assert conversions == []


@pytest.mark.slow
def test_the_naive_network_is_compared_at_the_same_length(recipe, folder):
    options = RecipeOptions(seconds=0.25, naive=True)
    own, *naive = collect([recipe], options, folder).subjects
    assert [subject.name for subject in naive] == [
        f"{recipe} naive float32", f"{recipe} naive int8"
    ]
    assert {subject.seconds for subject in (own, *naive)} == {0.25}
    reports = [TfliteFile.open(subject.path).report for subject in (own, *naive)]
    assert all("TRANSPOSE_CONV" in report.op_counts for report in reports[1:])
    assert "TRANSPOSE_CONV" not in reports[0].op_counts
    assert conversion_ops(reports[0]) == conversion_ops(reports[2]) == []
    described = json.loads((own.path.with_suffix(".json")).read_text())
    assert described["method"] == "untrained"


def test_only_convtasnet_has_a_naive_form(folder, conversions):
    with pytest.raises(FqssError, match="for convtasnet, and dprnn-mobile is dprnn"):
        collect(["dprnn-mobile"], RecipeOptions(seconds=0.5, naive=True), folder)
    assert conversions == []
