"""The extent of Ogg files (Vorbis, Opus, FLAC in Ogg)."""

from typing import BinaryIO

from fqss_tf.audio.extent import Extent, Part

CAPTURE, HEADER = b"OggS", 27
LARGEST_PAGE = HEADER + 255 + 255 * 255
FIRST_OF_STREAM = 2


def ogg_extent(file: BinaryIO, length: int) -> Extent:
    """Finds the streams of an Ogg file that follow one another.

    A file is cut if it ends inside a page. One that ends with a whole page is taken as it is, even
    without the mark of the last page: recorded broadcasts have none.

    Args:
        file: seekable binary file that begins with a page.
        length: of the file, in bytes.

    Returns:
        One part for each stream; streams side by side, such as a video's, are one part.
    """
    starts = [0]
    place, was_first = 0, True
    while place + HEADER <= length:
        file.seek(place)
        header = file.read(HEADER)
        if header[:4] != CAPTURE:
            break  # damaged, or something else follows: the decoder says which
        is_first = bool(header[5] & FIRST_OF_STREAM)
        if is_first and not was_first:
            starts.append(place)
        was_first = is_first
        place += HEADER + header[26] + sum(file.read(header[26]))
    is_cut = place > length or 0 < length - place < HEADER
    stops = [*starts[1:], length]
    return Extent(tuple(map(Part, starts, stops)), is_cut)
