"""Checkpoints of TensorFlow: a folder with an index and its data."""

from pathlib import Path

from fqss_tf.errors import FqssError
from fqss_tf.types import Arrays

LATEST = "checkpoint"  # names the one that was written last


def is_tensorflow_folder(path: Path) -> bool:
    """Tells whether a folder holds a checkpoint of TensorFlow."""
    return path.is_dir() and ((path / LATEST).is_file() or any(path.glob("*.index")))


def read_tensorflow_folder(path: Path) -> Arrays:
    """Reads the tensors of the checkpoint that was written last.

    Nothing but the arrays is read: no graph and no code.

    Args:
        path: folder with ``NAME.index`` and ``NAME.data-..``, and perhaps ``checkpoint``.

    Raises:
        FqssError: there is none or several, or it is damaged.
    """
    import tensorflow as tf

    try:
        reader = tf.train.load_checkpoint(str(_prefix(path)))
        return {
            name: reader.get_tensor(name) for name in sorted(reader.get_variable_to_shape_map())
        }
    # Damage shows in as many kinds of errors as there are places for it.
    except (tf.errors.OpError, ValueError, RuntimeError, LookupError) as error:
        reason = " ".join(str(error).split())[:200]
        raise FqssError(f"cannot read the checkpoint in {path}: {reason}") from error


def _prefix(path: Path) -> Path:
    """What the names of its files begin with, wherever the folder was moved."""
    found = sorted(path.glob("*.index"))
    if len(found) > 1 and (path / LATEST).is_file():
        lines = (path / LATEST).read_text(errors="replace").splitlines()
        latest = next((line for line in lines if line.startswith("model_checkpoint_path:")), "")
        name = Path(latest.partition(":")[2].strip().strip('"')).name
        found = [index for index in found if index.stem == name]
    if len(found) != 1:
        raise FqssError(
            f"{path} has {len(found)} checkpoints (.index): leave one in a folder of its own"
        )
    return found[0].with_suffix("")
