import sys
import types

import pytest

from fqss_tf.errors import FqssError
from fqss_tf.runtime.microphone import Microphone


class PortAudioError(Exception):
    pass


class Stream:
    """A device that records three blocks of a ramp, and then Ctrl-C is pressed."""

    broken = False

    def __init__(self, samplerate, blocksize, channels, dtype, latency):
        if samplerate == 12345:
            raise PortAudioError("Invalid sample rate [PaErrorCode -9997]")
        assert (channels, dtype) == (1, "int16")
        self.blocks, self.is_open = 0, False

    def start(self):
        self.is_open = True

    def close(self):
        self.is_open = False

    def read(self, frames):
        assert self.is_open
        if self.broken:
            raise PortAudioError("Device unavailable [PaErrorCode -9985]")
        self.blocks += 1
        if self.blocks > 3:
            raise KeyboardInterrupt
        return bytearray(2 * frames), self.blocks == 2


@pytest.fixture
def sounddevice(monkeypatch):
    module = types.SimpleNamespace(RawInputStream=Stream, PortAudioError=PortAudioError)
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    return module


def test_blocks_of_8_ms_come_until_ctrl_c(sounddevice):
    with Microphone(8000) as microphone:
        blocks = [microphone.read(2**16) for _ in range(4)]
        assert [len(block) for block in blocks] == [128, 128, 128, 0]
        assert microphone.overflows == 1
    assert not microphone._stream.is_open


def test_no_device_is_one_line(sounddevice):
    with pytest.raises(FqssError, match="microphone cannot be used: Invalid sample rate"):
        Microphone(12345)


def test_a_device_that_is_pulled_out_is_one_line(sounddevice, monkeypatch):
    monkeypatch.setattr(Stream, "broken", True)
    with Microphone(8000) as microphone, pytest.raises(FqssError, match="Device unavailable"):
        microphone.read(2**16)


def test_a_missing_package_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", None)  # import raises ModuleNotFoundError
    with pytest.raises(FqssError, match=r"pip install 'fqss-tf\[microphone\]'"):
        Microphone(8000)


def test_a_missing_library_says_what_to_install(monkeypatch, tmp_path):
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    with pytest.raises(FqssError, match="PortAudio library not found; install it"):
        Microphone(8000)
