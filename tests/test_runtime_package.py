"""The distribution fqss-tf-runtime: the same code with fewer packages."""

import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import soundfile

tomllib = pytest.importorskip("tomllib")  # of Python 3.11 on

PROJECT = Path(__file__).parents[1] / "packaging" / "runtime" / "pyproject.toml"

# Hides every distribution that the project file does not lead to, as a fresh environment would.
WITHOUT_THE_OTHERS = """
import sys
from importlib import metadata

hidden = set(sys.argv[1].split(","))

class Hide:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in hidden:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Hide())
from fqss_tf.cli.main import main
main(sys.argv[2:])
"""


def required(distributions):
    """Names of these distributions and of all that they require."""
    found, waiting = set(), list(distributions)
    while waiting:
        name = re.match(r"[\w.-]+", waiting.pop()).group().lower().replace("_", "-")
        if name in found:
            continue
        found.add(name)
        try:
            needs = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        waiting += [need for need in needs if "extra ==" not in need]
    return found


@pytest.fixture(scope="module")
def run_bare():
    project = tomllib.loads(PROJECT.read_text())["project"]
    allowed = required(project["dependencies"])
    owners = metadata.packages_distributions()
    hidden = [
        module
        for module, distributions in owners.items()
        if module != "fqss_tf"
        and not {name.lower().replace("_", "-") for name in distributions} & allowed
    ]
    assert {"tensorflow", "tf_keras", "yaml", "matplotlib"} <= set(hidden)

    def run(*arguments, content=None):
        """Text without ``content``, bytes with it."""
        command = [sys.executable, "-c", WITHOUT_THE_OTHERS, ",".join(hidden), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, input=content, text=content is None)

    return run


def test_separate_and_inspect_run_without_tensorflow(run_bare, tiny_tflite, tmp_path):
    soundfile.write(tmp_path / "a.wav", np.sin(np.arange(1000) / 9) / 2, 8000)
    separated = run_bare("separate", tiny_tflite, tmp_path / "a.wav", "--output", tmp_path / "out")
    assert separated.returncode == 0, separated.stderr
    assert len(list((tmp_path / "out").iterdir())) == 2
    inspected = run_bare("inspect", tiny_tflite)
    assert inspected.returncode == 0 and "CONV_2D" in inspected.stdout, inspected.stderr


def test_a_stream_runs_without_tensorflow(run_bare, step_tflite):
    samples = np.round(9000 * np.sin(np.arange(1000) / 9)).astype("<i2")
    result = run_bare("separate", step_tflite, "--stream", "-", content=samples.tobytes())
    assert result.returncode == 0, result.stderr
    assert len(result.stdout) == 2 * samples.nbytes


def test_training_says_what_is_missing(run_bare, tmp_path):
    result = run_bare("train", "quickstart", "--output", tmp_path / "run")
    assert result.returncode == 2
    assert "fqss-tf-runtime does not" in result.stderr.splitlines()[-1]


def test_it_has_no_package_that_the_whole_has_not():
    project = tomllib.loads(PROJECT.read_text())["project"]
    whole = (PROJECT.parents[2] / "setup.py").read_text()
    assert all(f'"{dependency}' in whole for dependency in project["dependencies"])
