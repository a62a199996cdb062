import importlib.util
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def hostile():
    """The module beside this file: tests here are no package."""
    spec = importlib.util.spec_from_file_location("hostile", Path(__file__).parent / "hostile.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
