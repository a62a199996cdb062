"""Weights of Spleeter's TensorFlow checkpoints, by the names of this project's layers.

The names in a checkpoint count through the layers of all U-Nets in the order in which they were
made: ``conv2d``, ``conv2d_1``...
"""

from fqss_tf.formats import CHANNELS, LOGIT_RANGE, MAGNITUDE_RANGE
from fqss_tf.models.published import PublishedTensors
from fqss_tf.models.spleeter.sizes import KERNEL, LEVELS, SpleeterConfig
from fqss_tf.types import FloatArray, LayerWeights

MASK_KERNEL = 4
CONVOLUTIONS = LEVELS + 1  # of a U-Net
# The last norm on the way down is in the checkpoint, but nothing reads it.
NORMS = 2 * LEVELS


def from_published(tensors: PublishedTensors, config: SpleeterConfig) -> LayerWeights:
    """Layer name -> list of arrays of Spleeter's U-Nets.

    Kernels are multiplied by powers of two, because the network here has magnitudes of full scale
    1 and logits over their range.

    Args:
        tensors: PublishedTensors.
        config: its sizes.

    Raises:
        FqssError: a tensor is missing or has another shape than ``config`` says.
    """
    weights: LayerWeights = {}
    for stem in range(config.sources):
        name = f"stem_{stem}_"
        inputs = CHANNELS
        for level in range(1, LEVELS + 1):
            width = config.channels(level)
            key = _numbered("conv2d", CONVOLUTIONS * stem + level - 1)
            weights[f"{name}conv_{level}"] = _layer(tensors, key, KERNEL, inputs, width)
            key = _numbered("batch_normalization", NORMS * stem + level - 1)
            norm = _norm(tensors, key, width)
            if level < LEVELS:
                weights[f"{name}down_{level}_norm"] = norm
            inputs = width
        for number, level in enumerate(range(LEVELS, 0, -1)):
            width = config.channels(level - 1) if level > 1 else 1
            key = _numbered("conv2d_transpose", LEVELS * stem + number)
            weights[f"{name}up_{level}"] = [
                tensors.take(f"{key}/kernel", KERNEL, KERNEL, width, inputs),
                tensors.take(f"{key}/bias", width),
            ]
            key = _numbered("batch_normalization", NORMS * stem + LEVELS + number)
            weights[f"{name}up_{level}_norm"] = _norm(tensors, key, width)
            inputs = 2 * width
        key = _numbered("conv2d", CONVOLUTIONS * stem + LEVELS)
        logits = _layer(tensors, key, MASK_KERNEL, 1, CHANNELS)
        weights[f"{name}logits"] = [values / LOGIT_RANGE for values in logits]
        kernel, bias = weights[f"{name}conv_1"]
        weights[f"{name}conv_1"] = [kernel * MAGNITUDE_RANGE, bias]
    # What training left in the checkpoint.
    tensors.leave(r"(^global_step$|^beta\d_power$|/Adam(_\d)?$)")
    return weights


def _numbered(name: str, number: int) -> str:
    return f"{name}_{number}" if number else name


def _layer(
    tensors: PublishedTensors, key: str, size: int, inputs: int, outputs: int
) -> list[FloatArray]:
    return [
        tensors.take(f"{key}/kernel", size, size, inputs, outputs),
        tensors.take(f"{key}/bias", outputs),
    ]


def _norm(tensors: PublishedTensors, key: str, channels: int) -> list[FloatArray]:
    names = ("gamma", "beta", "moving_mean", "moving_variance")
    return [tensors.take(f"{key}/{name}", channels) for name in names]
