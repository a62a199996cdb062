"""The numbers that the phone app is tested against are those that the package gives now."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[2] / "android_demo" / "golden_vectors.py"


@pytest.fixture(scope="module")
def golden_vectors():
    spec = importlib.util.spec_from_file_location("golden_vectors", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_golden_vectors_are_what_the_package_gives(golden_vectors):
    made = golden_vectors.vectors()
    files = {path.name: path.read_bytes() for path in golden_vectors.TARGET.iterdir()}
    assert set(files) == {golden_vectors.file_name(*entry) for entry in made.items()}
    for name, values in made.items():
        stored = np.frombuffer(files[golden_vectors.file_name(name, values)], values.dtype)
        # Fast kernels of another processor may round a layer of the network the other way.
        tolerance = 1 if name.startswith("voices") else 1e-6 * (values.dtype.kind == "f")
        np.testing.assert_allclose(
            stored.astype(float), values.ravel(), rtol=0, atol=tolerance, err_msg=name
        )


def test_the_golden_vectors_stay_small(golden_vectors):
    assert sum(path.stat().st_size for path in golden_vectors.TARGET.iterdir()) < 350_000
