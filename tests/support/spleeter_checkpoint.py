"""A small checkpoint as Spleeter writes it, and what Spleeter's own graph makes of magnitudes."""

import numpy as np
import tensorflow as tf

FILTERS = 2
LEVELS = 6
EPSILON = 1e-3


def numbered(name, number):
    return f"{name}_{number}" if number else name


def tensors(stems=2, filters=FILTERS, seed=0):
    """Name -> array of every variable of Spleeter, in the order in which it makes them."""
    rng = np.random.default_rng(seed)
    found = {}
    widths = [filters * 2**level for level in range(LEVELS)]
    convolutions = transposed = norms = 0

    def add(name, *shape, scale=1.0, mean=0.0):
        found[name] = (mean + scale * rng.standard_normal(shape)).astype(np.float32)

    def layer(name, *kernel, outputs):
        fan_in = np.prod(kernel[:2]) * (kernel[3] if "transpose" in name else kernel[2])
        add(f"{name}/kernel", *kernel, scale=(2 / fan_in) ** 0.5)
        add(f"{name}/bias", outputs, scale=0.1)

    def norm(name, width):
        add(f"{name}/gamma", width, scale=0.3, mean=1.0)
        add(f"{name}/beta", width, scale=0.3)
        add(f"{name}/moving_mean", width, scale=0.3)
        found[f"{name}/moving_variance"] = rng.uniform(0.5, 1.5, width).astype(np.float32)

    for _ in range(stems):
        inputs = 2
        for width in widths:
            layer(numbered("conv2d", convolutions), 5, 5, inputs, width, outputs=width)
            norm(numbered("batch_normalization", norms), width)
            inputs, convolutions, norms = width, convolutions + 1, norms + 1
        for width in [*widths[-2::-1], 1]:
            name = numbered("conv2d_transpose", transposed)
            layer(name, 5, 5, width, inputs, outputs=width)
            norm(numbered("batch_normalization", norms), width)
            # Behind each but the last, what the way down made is joined.
            inputs, transposed, norms = 2 * width, transposed + 1, norms + 1
        layer(numbered("conv2d", convolutions), 4, 4, 1, 2, outputs=2)
        convolutions += 1
    first = [numbered("conv2d", 7 * stem) for stem in range(stems)]
    for name in first:
        # Magnitudes of loud music are around 100.
        found[f"{name}/kernel"] /= 100
    # A gain of a batch norm may be negative.
    found["batch_normalization/gamma"][0] *= -1
    found["batch_normalization_7/gamma"][0] *= -1
    return found


def write_checkpoint(folder, values, name="model"):
    """Writes the folder that Spleeter's training leaves: an index, data and ``checkpoint``."""
    values = {**values, "global_step": np.int64(1000)}
    names = sorted(values)
    tf.raw_ops.SaveV2(
        prefix=str(folder / name), tensor_names=names, shape_and_slices=[""] * len(names),
        tensors=[tf.constant(values[key]) for key in names],
    )
    (folder / "checkpoint").write_text(
        f'model_checkpoint_path: "{name}"\nall_model_checkpoint_paths: "{name}"\n'
    )
    return folder


def own_graph(values, magnitudes, stems=2, elu=False, softmax=False):
    """Spleeter's ``unet`` or ``softmax_unet`` in plain TensorFlow ops.

    magnitudes [B, T, F, 2] -> [stems, B, T, F, 2].
    """
    logits = [_unet(values, magnitudes, stem, elu) for stem in range(stems)]
    masks = tf.nn.softmax(tf.stack(logits), 0) if softmax else tf.sigmoid(tf.stack(logits))
    return (masks * magnitudes).numpy()


def _unet(values, x, stem, elu):
    def of(kind, number, name):
        return values[f"{numbered(kind, number)}/{name}"].astype(np.float64)

    def normed(x, number):
        mean, variance, beta, gamma = (
            of("batch_normalization", number, name)
            for name in ("moving_mean", "moving_variance", "beta", "gamma")
        )
        return tf.nn.batch_normalization(x, mean, variance, beta, gamma, EPSILON)

    x = tf.cast(x, tf.float64)
    found = []
    for level in range(LEVELS):
        number = 7 * stem + level
        found.append(tf.nn.conv2d(x, of("conv2d", number, "kernel"), 2, "SAME")
                     + of("conv2d", number, "bias"))
        x = normed(found[-1], 12 * stem + level)
        x = tf.nn.elu(x) if elu else tf.nn.leaky_relu(x, 0.2)
    up = found.pop()
    for level in range(LEVELS):
        number = 6 * stem + level
        kernel = of("conv2d_transpose", number, "kernel")
        batch, rows, columns, _ = up.shape
        up = tf.nn.conv2d_transpose(
            up, kernel, [batch, 2 * rows, 2 * columns, kernel.shape[2]], 2, "SAME"
        ) + of("conv2d_transpose", number, "bias")
        up = normed(tf.nn.elu(up) if elu else tf.nn.relu(up), 12 * stem + 6 + level)
        if found:
            up = tf.concat([found.pop(), up], -1)
    number = 7 * stem + 6
    return tf.nn.conv2d(
        up, of("conv2d", number, "kernel"), 1, "SAME", dilations=2
    ) + of("conv2d", number, "bias")
