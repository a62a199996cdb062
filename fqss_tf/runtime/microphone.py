"""The microphone as a binary file of raw samples, by sounddevice, which is optional."""

from typing import TYPE_CHECKING, Any

from fqss_tf.errors import FqssError

if TYPE_CHECKING:
    from typing_extensions import Self

BLOCK_SECONDS = 0.008


class Microphone:
    """The default input device, one channel of signed 16-bit samples. A context manager.

    ``read`` returns what was recorded since, and ends, as a file does, at Ctrl-C.

    Args:
        rate: Hz.

    Raises:
        FqssError: sounddevice or PortAudio is not installed, or there is no device that records at
            this rate.
    """

    def __init__(self, rate: int) -> None:
        self._sounddevice = _sounddevice()
        self._block = max(round(BLOCK_SECONDS * rate), 1)
        try:
            self._stream = self._sounddevice.RawInputStream(
                samplerate=rate, blocksize=self._block, channels=1, dtype="int16", latency="low"
            )
            self._stream.start()
        except self._sounddevice.PortAudioError as error:
            raise self._failure(error) from error
        self.overflows = 0  # blocks before which the device lost samples

    def __enter__(self) -> "Self":
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def read(self, _: int) -> bytes:
        """Returns the bytes of the next block, however many are asked for; none after Ctrl-C.

        Raises:
            FqssError: the device is gone.
        """
        try:
            samples, overflowed = self._stream.read(self._block)
            self.overflows += bool(overflowed)
            return bytes(samples)
        except KeyboardInterrupt:
            return b""
        except self._sounddevice.PortAudioError as error:
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> FqssError:
        return FqssError(f"the microphone cannot be used: {error}; is one plugged in?")


def _sounddevice() -> Any:
    try:
        import sounddevice
    except ModuleNotFoundError as error:
        raise FqssError(
            "the microphone needs the package sounddevice: pip install 'fqss-tf[microphone]'"
        ) from error
    except OSError as error:  # the package is there, its library is not
        raise FqssError(
            f"the microphone needs PortAudio: {error}; install it (Debian: libportaudio2)"
        ) from error
    return sounddevice
