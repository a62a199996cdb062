"""The extent of MP3 files, from their frames."""

from dataclasses import dataclass
from typing import BinaryIO

from fqss_tf.audio.extent import Extent, Part

# kbit/s of layer III by the index in a header; versions 2 and 2.5 have half the rates.
BITRATES = {
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
MONO = 3
HEADER = 4
RESYNC = 2**16  # bytes that are searched for the next frame
HAS_FRAMES, HAS_BYTES, HAS_SEEK_TABLE, HAS_QUALITY = 1, 2, 4, 8


@dataclass(frozen=True)
class _Frame:
    """What a frame's header says. ``kind`` is what the frames of a stream have in common."""

    length: int
    samples: int
    kind: tuple[int, int, bool]
    side_info: int  # bytes of it


def mp3_extent(file: BinaryIO, length: int) -> Extent | None:
    """Counts the frames of an MP3 file where its header does not, or cannot be believed.

    Args:
        file: seekable binary file.
        length: of the file, in bytes.

    Returns:
        A part for each file that was joined; None if these are no frames of layer III.
    """
    start = _after_tags(file, 0, length)
    first = _frame_at(file, start)
    if first is None:
        return None
    if _is_as_promised(file, start, first, length):
        return Extent((Part(0, length),), is_counted=True)
    return _scan(file, start, first, length)


def _scan(file: BinaryIO, start: int, first: _Frame, length: int) -> Extent:
    parts: list[Part] = []
    place, frames, promised, is_cut = start, 0, 0, False
    part_start, part_first = start, first

    def finish(stop: int) -> None:
        nonlocal is_cut
        is_cut = is_cut or frames < promised
        if frames:
            parts.append(_counted(file, part_start, part_first, stop, frames))

    file.seek(place)
    while place + HEADER <= length:
        frame = _parsed(file.read(HEADER))
        if frame is None or frame.kind != first.kind:
            tags_end = _after_tags(file, place, length)
            resumed = tags_end if tags_end > place else _resumed(file, place, length, first)
            if resumed is None or _frame_at(file, resumed) is None:
                break
            place = resumed
            file.seek(place)
            continue
        if place + frame.length > length:
            is_cut = True
            break
        content = file.read(frame.length - HEADER)
        tag = _tag(content, frame)
        if tag is not None:
            if place > part_start or frames:
                finish(place)
            part_start, part_first, frames = place, frame, 0
            promised = tag
        else:
            frames += 1
        place += frame.length
    finish(length if not is_cut else min(place, length))
    return Extent(tuple(parts) or (Part(0, length),), is_cut, is_counted=bool(parts))


def _counted(file: BinaryIO, start: int, first: _Frame, stop: int, frames: int) -> Part:
    """A part whose first frame says how many follow."""
    file.seek(start)
    content = file.read(first.length)
    tag = HEADER + first.side_info
    if _tag(content[HEADER:], first) is None or content[tag : tag + 4] == b"VBRI":
        if content[36:40] == b"VBRI":
            start += first.length
        return Part(start, stop, before=_info_frame(content[:HEADER], frames))
    flags = int.from_bytes(content[tag + 4 : tag + 8], "big")
    promised = int.from_bytes(content[tag + 8 : tag + 12], "big") if flags & HAS_FRAMES else None
    if promised == frames:
        return Part(start, stop)
    if promised is None:
        return Part(start + first.length, stop, before=_info_frame(content[:HEADER], frames))
    patches = [(start + tag + 8, frames.to_bytes(4, "big"))]
    if flags & HAS_BYTES:
        patches.append((start + tag + 12, (stop - start).to_bytes(4, "big")))
    optional = ((HAS_FRAMES, 4), (HAS_BYTES, 4), (HAS_SEEK_TABLE, 100), (HAS_QUALITY, 4))
    encoder = tag + 8 + sum(size for flag, size in optional if flags & flag)
    # Of the 12 bits of delay and 12 of padding at the end: what is behind the end is not padding.
    delay = content[encoder + 21 : encoder + 23]
    if len(delay) == 2:
        patches.append((start + encoder + 22, bytes([delay[1] & 0xF0, 0])))
    return Part(start, stop, tuple(patches))


def _info_frame(header: bytes, frames: int) -> bytes:
    """A frame without sound that says how many follow, as encoders write them."""
    largest = bytes([header[0], header[1] | 1, 0xE0 | header[2] & 0x0C, header[3]])
    frame = _parsed(largest)
    assert frame is not None  # its bitrate alone differs from one that is
    tag = b"Info" + HAS_FRAMES.to_bytes(4, "big") + frames.to_bytes(4, "big")
    return (largest + bytes(frame.side_info) + tag).ljust(frame.length, b"\0")


def _is_as_promised(file: BinaryIO, start: int, first: _Frame, length: int) -> bool:
    """Whether the first frame says how many bytes there are, and all others are tags."""
    file.seek(start + HEADER + first.side_info)
    tag = file.read(16)
    if tag[:4] not in (b"Xing", b"Info"):
        return False
    if int.from_bytes(tag[4:8], "big") & 3 != HAS_FRAMES | HAS_BYTES:
        return False
    end = start + int.from_bytes(tag[12:16], "big")
    return end <= length and _after_tags(file, end, length) == length


def _tag(content: bytes, frame: _Frame) -> int | None:
    """Frames that a frame without sound promises, 0 of an unknown number; None of other frames.

    Args:
        content: of the frame, without its header.
        frame: what its header says.
    """
    tag = content[frame.side_info : frame.side_info + 12]
    if tag[:4] in (b"Xing", b"Info"):
        return int.from_bytes(tag[8:12], "big") if tag[7] & HAS_FRAMES else 0
    if content[32:36] == b"VBRI":
        return int.from_bytes(content[46:50], "big")
    return None


def _parsed(header: bytes) -> _Frame | None:
    if len(header) < HEADER or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return None
    version, rate_index = header[1] >> 3 & 3, header[2] >> 2 & 3
    bitrate_index = header[2] >> 4
    if version == 1 or rate_index == 3 or bitrate_index in (0, 15):
        return None
    rate = RATES[version][rate_index]
    is_mono = header[3] >> 6 == MONO
    samples = 1152 if version == 3 else 576
    bitrate = BITRATES[1 if version == 3 else 2][bitrate_index]
    length = samples // 8 * bitrate * 1000 // rate + (header[2] >> 1 & 1)
    side_info = (17 if is_mono else 32) if version == 3 else (9 if is_mono else 17)
    return _Frame(length, samples, (version, rate, is_mono), side_info)


def _frame_at(file: BinaryIO, place: int) -> _Frame | None:
    file.seek(place)
    return _parsed(file.read(HEADER))


def _resumed(file: BinaryIO, place: int, length: int, like: _Frame) -> int | None:
    """Where the next two frames of the stream follow one another, or one ends the file."""
    file.seek(place)
    content = file.read(RESYNC)
    at = content.find(b"\xff", 1)
    while at >= 0:
        frame = _parsed(content[at : at + HEADER])
        if frame is not None and frame.kind == like.kind:
            end = place + at + frame.length
            following = _frame_at(file, end)
            if end == length or following is not None and following.kind == like.kind:
                return place + at
        at = content.find(b"\xff", at + 1)
    return None


def _after_tags(file: BinaryIO, place: int, length: int) -> int:
    """The place behind the tags (ID3, APE) that begin at ``place``."""
    while place + 10 <= length:
        file.seek(place)
        head = file.read(32)
        if head[:3] == b"ID3":
            size = 0
            for byte in head[6:10]:
                size = size << 7 | byte & 0x7F
            place += 10 + size + (10 if head[5] & 0x10 else 0)
        elif head[:3] == b"TAG":
            place += 128
        elif head[:8] == b"APETAGEX" and len(head) == 32:
            size = int.from_bytes(head[12:16], "little")
            has_header = head[23] & 0x20  # this is the header, which the size leaves out
            place += size + 32 if has_header else 32
        else:
            break
    return min(place, length)
