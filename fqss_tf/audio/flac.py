"""The extent of FLAC files."""

from typing import BinaryIO

from fqss_tf.audio.extent import Extent, Part

# The magic word and the head of the block that comes first: 34 bytes, perhaps the last block.
BEGINNINGS = (b"fLaC\x00\x00\x00\x22", b"fLaC\x80\x00\x00\x22")
BLOCK = 2**20


def flac_extent(file: BinaryIO, length: int) -> Extent:
    """Finds FLAC files that were joined, which takes reading all of it.

    Args:
        file: seekable binary file.
        length: of the file, in bytes.

    Returns:
        A part for each file.
    """
    starts = [0]
    file.seek(0)
    place, content = 0, b""
    while block := file.read(BLOCK):
        content += block
        for beginning in BEGINNINGS:
            at = content.find(beginning)
            while at >= 0:
                starts.append(place + at)
                at = content.find(beginning, at + 1)
        kept = content[-len(BEGINNINGS[0]) + 1 :]
        place, content = place + len(content) - len(kept), kept
    starts = sorted(set(starts))
    return Extent(tuple(map(Part, starts, [*starts[1:], length])))
