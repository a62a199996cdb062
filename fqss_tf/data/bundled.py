"""Where data sets lie, and what ships with the package; no TensorFlow."""

from importlib import resources
from pathlib import Path

from fqss_tf.types import PathLike

BUNDLED = "bundled"


def data_root(name: PathLike) -> Path:
    """Returns the folder of a data set; ``bundled`` is the speech that ships with the package."""
    if str(name) == BUNDLED:
        return Path(str(resources.files("fqss_tf") / "bundled" / "speech"))
    return Path(name)


def bundled_teacher() -> Path:
    """Returns the run folder of the float teacher that ships with the package."""
    return Path(str(resources.files("fqss_tf") / "bundled" / "teacher"))
