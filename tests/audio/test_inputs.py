import io
import os
import threading

import numpy as np
import pytest
from joined_files import encoded, tone

from fqss_tf import audio
from fqss_tf.audio.inputs import kept_copies


@pytest.fixture
def pipe(tmp_path):
    """Function that returns a named pipe into which the content will go once."""

    def make(content):
        path = tmp_path / "pipe"
        os.mkfifo(path)
        threading.Thread(target=path.write_bytes, args=(content,), daemon=True).start()
        return path

    return make


@pytest.mark.parametrize("file_format", ["WAV", "FLAC", "MP3"])
def test_a_named_pipe_is_read(pipe, file_format):
    waveform, rate = audio.read(pipe(encoded(file_format)))
    assert (rate, len(waveform)) == (8000, 8000)


def test_stdin_is_read(monkeypatch):
    stdin = io.TextIOWrapper(io.BytesIO(encoded("WAV")))
    monkeypatch.setattr("sys.stdin", stdin)
    assert np.abs(audio.read("-")[0][:, 0] - tone()).max() < 2**-15


def test_a_copy_is_kept_for_as_long_as_it_is_asked(pipe):
    path = pipe(encoded("WAV"))
    with kept_copies([path]):
        first, second = (audio.read(path)[0] for _ in range(2))
    assert np.array_equal(first, second)
