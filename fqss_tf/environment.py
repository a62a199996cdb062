"""Finds a mix of package versions that cannot work before it fails in some distant place.

Packages that need Keras call :func:`check` in their ``__init__``, before any module of theirs.
"""

from importlib import metadata

from fqss_tf.errors import FqssError

REQUIRED_SERIES = {
    "tensorflow": "2.16",
    "tf_keras": "2.16",
    "tensorflow-model-optimization": "0.8",
    "tensorflow-io": "0.37",
}


def check() -> None:
    """Raises unless TensorFlow 2.16 is installed with the packages that match it.

    tfmot works with Keras 2 only, which is the package ``tf_keras``; without it tfmot falls back
    on the Keras 3 that TensorFlow 2.16 brings and refuses every layer.

    Raises:
        FqssError: a package is missing or of another series; the message is the pip command.
    """
    for package, series in REQUIRED_SERIES.items():
        try:
            version = metadata.version(package)
        except metadata.PackageNotFoundError:
            raise FqssError(_missing(package, series)) from None
        if version.split(".")[:2] != series.split("."):
            raise FqssError(
                f"{package} {version} is installed but fqss-tf needs {series}: "
                f"{_pip_install(package, series)}"
            )


def check_tensorflow_io() -> None:
    """Loads the shared libraries of tensorflow-io, which are built for one TensorFlow version.

    Raises:
        FqssError: they do not load, so that every audio op would fail.
    """
    check()
    try:
        from tensorflow_io.python.ops import core_ops

        # The library loads when an op is first looked up, not when the package is imported.
        _ = core_ops.io_audio_readable_init
    # tensorflow-io itself raises NotImplementedError where a library of it does not load.
    except (NotImplementedError, ImportError, AttributeError) as error:
        raise FqssError(
            "tensorflow-io cannot load its shared libraries, which fit one TensorFlow version: "
            "pip install tensorflow==2.16.2 tensorflow-io==0.37.1"
        ) from error


def _missing(package: str, series: str) -> str:
    if package == "tf_keras":
        return (
            "tf_keras is not installed, so tfmot would use Keras 3, which it does not support: "
            + _pip_install(package, series)
        )
    return f"{package} is not installed: {_pip_install(package, series)}"


def _pip_install(package: str, series: str) -> str:
    return f"pip install '{package}=={series}.*'"
