"""Ways to add up the squares of an int8 tensor. Prints the table of docs/explain/measured.md.

    python benchmarks/sum_of_squares.py [--frames N] [--channels N]

Each way is a graph of its own, run on one thread with XNNPACK and with LiteRT's own kernels, for a
tensor whose zero point is 0 and for one whose zero point is not, as behind a PReLU.
"""

import argparse
import time

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter, OpResolverType

KERNELS = (OpResolverType.AUTO, OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
RANGES = {"0": (-1.0, 127 / 128), "-100": (-0.11, 0.89)}
RUNS = 15


def fake(values, low, high):
    return tf.quantization.fake_quant_with_min_max_args(values, low, high)


def product(rows, count):
    """Rows [G, R, K] times themselves: the sums of squares are on the diagonals."""
    return fake(tf.matmul(rows, rows, transpose_b=True), 0.0, float(count))


def ways(frames, channels):
    """Name -> function of the tensor [1, 1, T, C]."""
    count = frames * channels
    return {
        "MUL, then MEAN (rounds each square)": lambda x: fake(
            tf.reduce_mean(fake(x * x, 0.0, 1.0), axis=2, keepdims=True), 0.0, 1.0
        ),
        "BATCH_MATMUL of 1 row": lambda x: product(tf.reshape(x, [1, 1, count]), count),
        "BATCH_MATMUL of 8 rows": lambda x: product(tf.reshape(x, [1, 8, count // 8]), count),
        "BATCH_MATMUL of 32 rows": lambda x: product(tf.reshape(x, [1, 32, count // 32]), count),
        "BATCH_MATMUL of 8 times 1 row": lambda x: product(
            tf.reshape(x, [8, 1, count // 8]), count
        ),
        "TRANSPOSE alone": lambda x: tf.transpose(x, [0, 1, 3, 2]),
        "TRANSPOSE, BATCH_MATMUL of each channel": lambda x: product(
            tf.reshape(tf.transpose(x, [0, 1, 3, 2]), [channels, 1, frames]), frames
        ),
    }


def milliseconds(way, bounds, kernels, shape):
    """CPU time of the fastest of some runs."""

    @tf.function(input_signature=[tf.TensorSpec(shape)], autograph=False)
    def graph(x):
        return way(fake(x, *bounds))

    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [graph.get_concrete_function()], graph
    )
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    engine = Interpreter(
        model_content=converter.convert(), num_threads=1, experimental_op_resolver_type=kernels
    )
    engine.allocate_tensors()
    (entry,) = engine.get_input_details()
    values = np.random.default_rng(0).integers(-40, 41, shape).astype(np.int8)
    engine.set_tensor(entry["index"], values)
    times = []
    for _ in range(RUNS):
        started = time.process_time()
        engine.invoke()
        times.append(time.process_time() - started)
    return 1000 * min(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--frames", type=int, default=992)
    parser.add_argument("--channels", type=int, default=512)
    options = parser.parse_args()
    print("| way | " + " | ".join(
        f"zero point {name}: XNNPACK, own (ms)" for name in RANGES
    ) + " |")
    print("|---|" + "---:|" * len(RANGES))
    shape = (1, 1, options.frames, options.channels)
    for name, way in ways(options.frames, options.channels).items():
        cells = (
            ", ".join(f"{milliseconds(way, bounds, kernels, shape):.2f}" for kernels in KERNELS)
            for bounds in RANGES.values()
        )
        print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
