"""The extent of files made of chunks: WAV, RF64, AIFF, CAF, W64 and AU."""

import dataclasses
import struct
from dataclasses import dataclass
from typing import BinaryIO, Literal

from fqss_tf.audio.extent import Extent, Part

# Sizes that programs write into a header before they know better, to within the header itself.
PLACEHOLDERS = (2**32 - 1, 2**31, 2**31 - 1, 2**31 - 2**12)
HEADER = 128
ID3V1 = 128  # bytes of a tag of MP3 files that some programs put behind any file
BLOCK_CODECS = (0x02, 0x11, 0x31)  # MS ADPCM, IMA ADPCM, GSM 6.10 in a fmt chunk


@dataclass(frozen=True)
class _Form:
    """How a format writes chunks: the bytes of an id and a size, and what a size counts."""

    order: Literal["little", "big"]
    first: int  # place of the first chunk
    data: bytes
    id_bytes: int = 4
    size_bytes: int = 4
    counts_header: bool = False
    alignment: int = 2

    @property
    def header(self) -> int:
        return self.id_bytes + self.size_bytes


_WAV = _Form("little", 12, b"data")
_FORMS = {
    b"RIFF": _WAV,
    b"RF64": _WAV,
    b"BW64": _WAV,
    b"RIFX": _Form("big", 12, b"data"),
    b"FORM": _Form("big", 12, b"SSND"),
    b"caff": _Form("big", 8, b"data", size_bytes=8, alignment=1),
    b"riff": _Form("little", 40, b"data", 16, 8, counts_header=True, alignment=8),
}
_AU_ORDERS: dict[bytes, Literal["little", "big"]] = {b".snd": "big", b"dns.": "little"}


def chunked_extent(file: BinaryIO, length: int) -> Extent | None:
    """Finds the samples of a file made of chunks, and of files that were joined to it.

    A size that is larger than the file is a placeholder, or the file is cut. A size that is smaller
    counts only if a chunk or the end follows; else the samples go on to the end of the file.

    Args:
        file: seekable binary file.
        length: of the file, in bytes.

    Returns:
        None for other formats, and where there is no chunk of samples.
    """
    parts: list[Part] = []
    start: int | None = 0
    is_cut = False
    while start is not None and (found := _part(file, start, length)) is not None:
        part, is_cut, start = found
        parts.append(part)
    return Extent(tuple(parts), is_cut) if parts else None


def _part(file: BinaryIO, start: int, length: int) -> tuple[Part, bool, int | None] | None:
    """(the part that begins at ``start``, whether it is cut, where the next begins)."""
    magic = _bytes(file, start, 4)
    if magic in _AU_ORDERS:
        return _au(file, start, length, _AU_ORDERS[magic])
    form = _FORMS.get(magic)
    if form is None:
        return None
    place = start + form.first
    large: int | None = None  # place of the true size, where a WAV has 64 bits for it
    promised = 0  # samples per channel
    block = (1, 0)  # bytes, samples per channel
    while place + form.header <= length:
        name, size = _chunk(file, place, form)
        body = place + form.header
        if name == b"fmt ":
            content = _bytes(file, body, 20)
            tag, block_bytes, block_frames = (
                int.from_bytes(content[at : at + 2], form.order) for at in (0, 12, 18)
            )
            if tag in BLOCK_CODECS and block_bytes:
                block = (block_bytes, block_frames)
        elif name == b"fact":
            promised = int.from_bytes(_bytes(file, body, 4), form.order)
        elif name == b"ds64":
            large = body + 8
        if name == form.data:
            part, is_cut, following = _data(file, start, length, form, body, size, large)
            frames = -(-min(size, length - body) // block[0]) * block[1]
            # Only the last block may be filled up: everything else is another length to doubt.
            if 0 <= frames - promised < block[1]:
                part = dataclasses.replace(part, frames=promised)
            return part, is_cut, following
        place = _after(body, size, form)
    return None


def _data(
    file: BinaryIO, start: int, length: int, form: _Form, body: int, size: int,
    large: int | None,
) -> tuple[Part, bool, int | None]:
    size_place, size_bytes = body - form.size_bytes, form.size_bytes
    if large is not None and size == 2**32 - 1:
        size_place, size_bytes = large, 8
        size = int.from_bytes(_bytes(file, large, 8), form.order)
    available = length - body
    is_cut = size > available and not _is_placeholder(size, size_bytes)
    next_start = None
    real = min(size, available)
    if size <= available and _after(body, size, form) + form.header <= length:
        following = _following(file, body, size, length, form)
        if following is None:
            real = available
        else:
            next_start = _next_start(file, following, length, form)
    patches: tuple[tuple[int, bytes], ...] = ()
    if real >= 2**32 and form is _WAV and size_bytes == 4:
        return Part(body, body + real, before=_large_header(file, start, body, real)), is_cut, None
    if real != size:
        written = real + (form.header if form.counts_header else 0)
        written = min(written, 2 ** (8 * size_bytes) - 1)
        patches = ((size_place, written.to_bytes(size_bytes, form.order)),)
    stop = length if next_start is None else next_start
    return Part(start, stop, patches), is_cut, next_start


def _following(
    file: BinaryIO, body: int, size: int, length: int, form: _Form
) -> int | None:
    """Where a chunk, or a tag, follows the samples; None where more samples do."""
    for place in (_after(body, size, form), body + size):  # some programs write no padding
        if _is_chunk(file, place, length, form):
            return place
        if length - place == ID3V1 and _bytes(file, place, 3) == b"TAG":
            return place
    return None


def _large_header(file: BinaryIO, start: int, body: int, size: int) -> bytes:
    """The header of an RF64 in place of that of a WAV of more bytes than its field can tell."""
    chunks = _bytes(file, start + _WAV.first, body - _WAV.header - start - _WAV.first)
    long = b"ds64" + struct.pack("<IQQQI", 28, size + len(chunks) + 80, size, 0, 0)
    unknown = b"\xff" * 4
    return b"RF64" + unknown + b"WAVE" + long + chunks + b"data" + unknown


def _au(
    file: BinaryIO, start: int, length: int, order: Literal["little", "big"]
) -> tuple[Part, bool, None]:
    header = _bytes(file, start, 12)
    body, size = (int.from_bytes(header[place : place + 4], order) for place in (4, 8))
    available = length - start - body
    is_cut = size > available and not _is_placeholder(size, 4)
    patches = ((start + 8, b"\xff" * 4),) if size != available else ()
    return Part(start, length, patches), is_cut, None


def _next_start(file: BinaryIO, place: int, length: int, form: _Form) -> int | None:
    """Where another file was joined: the first chunk that is the beginning of one."""
    while place + form.header <= length and _is_chunk(file, place, length, form):
        name, size = _chunk(file, place, form)
        if name in _FORMS:
            return place
        place = _after(place + form.header, size, form)
    return None


def _chunk(file: BinaryIO, place: int, form: _Form) -> tuple[bytes, int]:
    """(first four letters of the name, bytes of the body)."""
    header = _bytes(file, place, form.header)
    size = int.from_bytes(header[form.id_bytes :], form.order)
    return header[:4], max(0, size - (form.header if form.counts_header else 0))


def _is_chunk(file: BinaryIO, place: int, length: int, form: _Form) -> bool:
    name, size = _chunk(file, place, form)
    is_name = all(0x20 <= letter < 0x7F for letter in name)
    # A file that was joined may have a placeholder for its size.
    return is_name and (name in _FORMS or size <= length - place)


def _after(body: int, size: int, form: _Form) -> int:
    return body + -(-size // form.alignment) * form.alignment


def _is_placeholder(size: int, size_bytes: int) -> bool:
    if size_bytes == 8:
        return size >= 2**62
    return any(abs(size - placeholder) <= HEADER for placeholder in PLACEHOLDERS)


def _bytes(file: BinaryIO, place: int, count: int) -> bytes:
    file.seek(place)
    return file.read(count)
