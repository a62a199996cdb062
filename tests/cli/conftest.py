"""What the tests of commands on recordings share."""

import pytest
import soundfile
from separating import tone


@pytest.fixture
def mixture(tmp_path):
    path = tmp_path / "mixture.wav"
    soundfile.write(path, tone(3000), 8000)
    return path


@pytest.fixture
def output(tmp_path):
    return tmp_path / "output"
