"""What the tensors of each role cost a network of one source in 8 bits, by simulation.

    python benchmarks/tensor_roles.py --run RUN --data SET [--mixtures N]

RUN is a float run of a ConvTasNet with one source, SET its data, such as ``float`` and ``data`` of
benchmarks/real_sdr.py. Prints the SI-SDR that is lost when only the tensors of one role are rounded
to 8 bits, and when all are: a simulation in which all other tensors are float, with one 8-bit plane
each way. Ranges are calibrated, nothing is trained. The columns are the mixtures that the float
network separates to less than 15 dB, and the others.
"""

import argparse
import re
from pathlib import Path

import numpy as np

from fqss_tf.analysis.network import QuantizedParts, Tensor
from fqss_tf.benchmark.machine import describe
from fqss_tf.evaluation import load_mixtures
from fqss_tf.metrics import si_sdr
from fqss_tf.progress import bar
from fqss_tf.quantization import wrap
from fqss_tf.runs.run import Run
from fqss_tf.types import Planes

SECONDS = 2
CALIBRATION_BATCHES = 16
HIGH_DB = 15.0
BATCH = 2
# Kind, and what the name begins with, numbers of blocks left out. The first that fits holds.
ROLES = {
    "input": ("input", ""),
    "output": ("output", ""),
    "weights": ("weight", ""),
    "encoding": ("activation", "encoder"),
    "latent (masked)": ("activation", "masked"),
    "masks": ("activation", "mask"),
    "statistics of norms": ("activation", r".*_norm_(mean(?!_change)|variance|reciprocal)"),
    "gains and shifts of norms": ("activation", r".*_(gain|offset|norm_shift)$"),
    "bottleneck": ("activation", "bottleneck"),
    "before depthwise convolutions": ("activation", "block_in"),
    "behind depthwise convolutions": ("activation", "block_depthwise"),
    "residual path": ("activation", "block_residual"),
    "skip path": ("activation", "block_skip"),
}


def main() -> None:
    options = _arguments()
    run = Run(options.run)
    mixtures, sources = _excerpts(options, run.recipe.data.sample_rate)
    parts = QuantizedParts(_calibrated(run))
    groups = _groups(parts)
    exact, losses = [], {role: [] for role in groups}
    with bar("tensors", len(groups) * -(-len(mixtures) // BATCH)) as watched:
        for start in range(0, len(mixtures), BATCH):
            batch, true = mixtures[start : start + BATCH], sources[start : start + BATCH]
            values = parts.float_pass(batch)
            found = _scores(parts.float_estimates(values), true)
            exact.append(found)
            for role, tensors in groups.items():
                losses[role].append(found - _scores(parts.quantized(values, tensors, 8), true))
                watched.update(1)
    is_high = np.concatenate(exact) >= HIGH_DB
    print(describe())
    counts = f"{np.sum(~is_high)} mixtures of {SECONDS} s below {HIGH_DB:g} dB"
    print(f"{counts}, {np.sum(is_high)} above\n")
    print(f"| rounded | tensors | below {HIGH_DB:g} dB | above |\n|---|---:|---:|---:|")
    for role, tensors in groups.items():
        loss = np.concatenate(losses[role])
        cells = [f"{loss[~is_high].mean():.2f}", f"{loss[is_high].mean():.2f}"]
        print(f"| {role} | {len(tensors)} | {' | '.join(cells)} |")


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--run", required=True, type=Path)
    add("--data", required=True, type=Path)
    add("--mixtures", type=int, default=16, help="at most, spread over the test set")
    return parser.parse_args()


def _excerpts(options, rate):
    found, _ = load_mixtures(options.data)
    places = np.linspace(0, len(found) - 1, min(options.mixtures, len(found))).round().astype(int)
    chosen = []
    for place in places:
        _, _, mixture, sources = found[place]
        samples, source = mixture[: SECONDS * rate], sources[0][: SECONDS * rate]
        gain = 1 / np.abs(samples).max()
        chosen.append((gain * samples, gain * source))
    return (np.stack(each).astype(np.float32) for each in zip(*chosen, strict=True))


def _calibrated(run: Run):
    batches = list(run.calibration_batches())[:CALIBRATION_BATCHES]
    model = run.uncalibrated_model(Planes(1, 1), run.level_calibrated_model(), batches)
    inputs = [batch[:, None, :, None] for batch in batches]
    wrap.calibrate(model, inputs, run.recipe.quantization.calibration)
    return model


def _groups(parts: QuantizedParts) -> dict[str, list[Tensor]]:
    """Role -> its tensors; the last one is all."""
    groups: dict[str, list[Tensor]] = {}
    for tensor in parts.tensors:
        groups.setdefault(_role(tensor), []).append(tensor)
    ordered = {role: groups[role] for role in (*ROLES, "others") if role in groups}
    return {**ordered, "all": parts.tensors}


def _role(tensor: Tensor) -> str:
    name = re.sub(r"^block_\d+", "block", tensor.name)
    fits = (role for role, (kind, start) in ROLES.items()
            if tensor.kind == kind and re.match(start, name))
    return next(fits, "others")


def _scores(estimates, sources):
    return np.array([
        si_sdr(estimate[0], source) for estimate, source in zip(estimates, sources, strict=True)
    ])


if __name__ == "__main__":
    main()
