"""Where data sets lie, and what ships with the package; no TensorFlow."""

from importlib import resources
from pathlib import Path

BUNDLED = "bundled"


def data_root(name):
    """The folder of a data set; ``bundled`` is the speech that ships with the package."""
    if str(name) == BUNDLED:
        return Path(str(resources.files("fqss_tf") / "bundled" / "speech"))
    return Path(name)


def bundled_teacher():
    """The run folder of the float teacher that ships with the package."""
    return Path(str(resources.files("fqss_tf") / "bundled" / "teacher"))
