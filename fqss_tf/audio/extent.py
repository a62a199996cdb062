"""Where in a file its samples really lie, whatever its header says of their number."""

import io
from dataclasses import dataclass
from typing import Any, BinaryIO


@dataclass(frozen=True)
class Part:
    """A recording that a decoder can read by itself, as bytes ``start`` to ``stop`` of a file.

    ``patches`` are (place in the file, bytes that the decoder shall find there instead); ``before``
    comes ahead of all. ``frames`` is the number of samples per channel that ends in padding, None
    where the decoder knows best.
    """

    start: int
    stop: int
    patches: tuple[tuple[int, bytes], ...] = ()
    before: bytes = b""
    frames: int | None = None

    def is_all_of(self, length: int) -> bool:
        """Tells whether it is a whole file of this many bytes, as it is."""
        return self.start == 0 and self.stop == length and not (self.patches or self.before)


@dataclass(frozen=True)
class Extent:
    """The parts of a file, one after another.

    ``is_cut`` if the last breaks off too early; ``is_counted`` if a decoder knows how many samples
    each of them has, even of frames of MPEG.
    """

    parts: tuple[Part, ...]
    is_cut: bool = False
    is_counted: bool = False

    def is_as_its_header_says(self, length: int) -> bool:
        """Tells whether any decoder finds the samples of the file, which has so many bytes."""
        return len(self.parts) == 1 and not self.is_cut and self.parts[0].is_all_of(length)


class PartFile(io.RawIOBase):
    """One part as a binary file, with its patches.

    Args:
        file: seekable binary file, for this reader alone.
        part: which part of it.
    """

    def __init__(self, file: BinaryIO, part: Part) -> None:
        self._file, self._part, self._place = file, part, 0
        self._length = len(part.before) + part.stop - part.start

    def readable(self) -> bool:
        """Says yes."""
        return True

    def seekable(self) -> bool:
        """Says yes."""
        return True

    def tell(self) -> int:
        """Returns the place of the next byte."""
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Moves to a place, and returns it."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._length}[whence]
        self._place = max(0, base + offset)
        return self._place

    def readinto(self, buffer: Any) -> int:
        """Fills the buffer with the next bytes; returns how many, 0 at the end."""
        wanted = memoryview(buffer).cast("B")
        before = self._part.before[self._place : self._place + len(wanted)]
        wanted[: len(before)] = before
        first = self._part.start + max(0, self._place - len(self._part.before))
        size = max(0, min(len(wanted) - len(before), self._part.stop - first))
        self._file.seek(first)
        content = self._file.read(size)
        for place, patch in self._part.patches:
            begin, end = max(place, first), min(place + len(patch), first + len(content))
            if begin < end:
                new = patch[begin - place : end - place]
                content = content[: begin - first] + new + content[end - first :]
        done = len(before) + len(content)
        wanted[len(before) : done] = content
        self._place += done
        return done
