"""The checksum that a .tflite file carries behind its model."""

import hashlib

from fqss_tf.errors import FqssError
from fqss_tf.types import PathLike

MARK = b"fqss-tf sha256: "  # followed by the 32 bytes of the checksum of all before the mark
SEAL_BYTES = len(MARK) + hashlib.sha256().digest_size


def with_checksum(content: bytes) -> bytes:
    """Returns the bytes of a .tflite file with their own SHA-256 behind them.

    TFLite runtimes follow offsets from the start and do not see what lies behind the model. A
    seal that is there already is replaced.
    """
    model = content[:-SEAL_BYTES] if _has_seal(content) else content
    return model + MARK + hashlib.sha256(model).digest()


def check_checksum(path: PathLike, content: bytes) -> None:
    """Raises FqssError if the file has a seal that is not that of its model."""
    if _has_seal(content) and with_checksum(content) != content:
        raise FqssError(f"{path} is damaged, its checksum differs: copy or convert it anew")


def _has_seal(content: bytes) -> bool:
    return content[-SEAL_BYTES:].startswith(MARK)
