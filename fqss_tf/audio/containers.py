"""What kind of file it is, and where its samples lie."""

from pathlib import Path

from fqss_tf.audio.chunks import chunked_extent
from fqss_tf.audio.extent import Extent, Part
from fqss_tf.audio.flac import flac_extent
from fqss_tf.audio.mpeg import mp3_extent
from fqss_tf.audio.ogg import ogg_extent


def find_extent(path: Path, search: bool = True) -> Extent:
    """Looks where the samples of an audio file really are.

    Args:
        path: a regular file.
        search: also look for what only reading all of the file can find.

    Returns:
        The whole file as one part where there is nothing to mend, or nothing is known of its kind.

    Raises:
        OSError: it cannot be read.
    """
    length = path.stat().st_size
    found: Extent | None = None
    with open(path, "rb") as file:
        magic = file.read(4)
        if magic == b"OggS":
            found = ogg_extent(file, length)
        elif magic == b"fLaC":
            found = flac_extent(file, length) if search else None
        elif magic[:3] == b"ID3" or magic[:1] == b"\xff":
            found = mp3_extent(file, length)
        else:
            found = chunked_extent(file, length)
    return found or Extent((Part(0, length),))
