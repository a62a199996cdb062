"""A package as an engineer gets it: compiled and run, complete or not there."""

import dataclasses
import re

import numpy as np
import pytest

from fqss_tf.errors import FqssError
from fqss_tf.micro.c_source import c_program
from fqss_tf.micro.graph import read_graph
from fqss_tf.micro.package import write_package
from fqss_tf.tflite.file import TfliteFile

FILES = {
    "Makefile", "README.md", "golden.c", "golden.h", "golden_level.c", "kernels.h", "level.c",
    "level.h", "model.c", "model.h", "model.tflite", "self_test.c", "tflm/main.cc",
    "tflm/model_data.cc", "tflm/model_data.h", "tflm/model_ops.h", "tflm/model_tensors.h",
}  # fmt: skip


@pytest.fixture(scope="module")
def package(shipped, tmp_path_factory):
    return write_package(shipped, tmp_path_factory.mktemp("packages") / "shipped", 0.5)


def test_the_c_of_the_shipped_model_gives_the_samples_of_the_reference_kernels(package, self_test):
    text, is_right = self_test(package.path)
    assert is_right and f"0 wrong samples of {31 * 2 * 128}\n" in text


@pytest.mark.parametrize("model", ["micro_step", "one_voice_step", "two_latents_step", "step"])
def test_so_does_that_of_other_networks(model, request, tmp_path, self_test):
    file = (
        TfliteFile.open(request.getfixturevalue("step_tflite")) if model == "step"
        else request.getfixturevalue(model)
    )
    made = write_package(file, tmp_path / "package", 0.5)
    assert made.program.arena_bytes < 40_000
    assert self_test(made.path)[1]


def test_the_folder_is_complete(package):
    found = {
        str(path.relative_to(package.path)) for path in package.path.rglob("*") if path.is_file()
    }
    assert found - {"self_test"} == FILES
    assert "$" not in (package.path / "README.md").read_text()


def test_no_text_of_a_file_becomes_code(shipped):
    graph = read_graph(TfliteFile.open(shipped))
    network = "x */ int injected(void) { return 1; } /*\nint more;"
    metadata = dataclasses.replace(graph.metadata, network=network, sources=("a */", "/* b"))
    program = c_program(dataclasses.replace(graph, metadata=metadata))
    for text in (program.header, program.source):
        code = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
        assert "injected" in text and not re.search(r"injected|more|\b[ab] ?/|x /", code)


def changed(package, tmp_path, name, pattern, change):
    """A copy of the package in which one number of a file is another."""
    copy = tmp_path / "changed"
    copy.mkdir()
    for path in package.path.iterdir():
        if path.is_file():
            (copy / path.name).write_bytes(path.read_bytes())
    text = (copy / name).read_text()
    match = list(re.finditer(pattern, text))[-1]
    number = str(change(int(match[1])))
    (copy / name).write_text(text[: match.start(1)] + number + text[match.end(1) :])
    return copy


@pytest.mark.parametrize("name, pattern, change", [
    ("model.c", r"weights_\d+\[\] = \{\s*(-?\d+)", lambda weight: weight ^ 0x40),
    ("model.c", r"bias_\d+\[\] = \{\s*(-?\d+)", lambda bias: bias + 100_000),
    ("golden.c", r"(-?\d+),\s*\};", lambda sample: sample ^ 1),
    ("golden_level.c", r"(-?\d+),\s*\};", lambda sample: sample ^ 1),
    ("level.c", r"LOUDER_STEPS = (\d+)", lambda steps: steps + 1),
])
def test_a_wrong_number_is_found(package, tmp_path, self_test, name, pattern, change):
    assert not self_test(changed(package, tmp_path, name, pattern, change))[1]


def test_a_folder_in_use_stays_as_it_is(shipped, tmp_path):
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(FqssError, match="not empty"):
        write_package(shipped, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_nothing_is_left_when_it_fails_late(shipped, tmp_path, monkeypatch):
    def fail(*_):
        raise FqssError("no")

    monkeypatch.setattr("fqss_tf.micro.package.reference_steps", fail)
    with pytest.raises(FqssError):
        write_package(shipped, tmp_path / "package")
    assert list(tmp_path.iterdir()) == []


def test_the_bytes_for_tflm_are_those_of_the_file(package):
    text = (package.path / "tflm" / "model_data.cc").read_text()
    numbers = re.search(r"fqss_model_data\[\] = \{(.*?)\};", text, re.S)[1]
    values = np.array([int(number) for number in numbers.split(",") if number.strip()], np.uint8)
    assert values.tobytes() == (package.path / "model.tflite").read_bytes()


def test_the_tables_name_every_input_and_output_once(package):
    text = (package.path / "tflm" / "model_tensors.h").read_text()
    rows = re.findall(r'\{"(\w+)", (-?\d+), (-?\d+), (\d+),', text)
    assert [name for name, *_ in rows[:3]] == ["mixture", "stage_0", "stage_1"]
    inputs = sorted(int(number) for _, number, _, _ in rows if number != "-1")
    outputs = sorted(int(number) for _, _, number, _ in rows if number != "-1")
    assert inputs == list(range(len(package.graph.inputs)))
    assert outputs == list(range(len(package.graph.outputs)))
