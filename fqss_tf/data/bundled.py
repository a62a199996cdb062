"""Where data sets lie, and what ships with the package; no TensorFlow."""

from importlib import resources
from pathlib import Path

from fqss_tf.types import PathLike

BUNDLED = "bundled"
BUNDLED_RATE = 16000  # Hz


def data_root(name: PathLike) -> Path:
    """Returns the folder of a data set; ``bundled`` is the audio that ships with the package."""
    if str(name) == BUNDLED:
        return Path(str(resources.files("fqss_tf") / "bundled" / "audio"))
    return Path(name)
