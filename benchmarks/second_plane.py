"""What single tensors cost in 8 bits. Makes figures of docs/explain/quantization.md.

    python benchmarks/second_plane.py --run RUN --data SET [--least-snr DB] [--mixtures N]

RUN is a float run and SET its data, such as ``float`` and ``data`` of benchmarks/real_sdr.py.
Prints the SI-SDR that the first source loses, mean over test mixtures in which it is at least so
much louder, when some tensors alone are rounded to 8 bits, and when all are. The second output
plane is that of the paper and that of this project. Ranges are calibrated, nothing is trained.
"""

import argparse
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from fqss_tf.analysis.network import QuantizedParts
from fqss_tf.benchmark.machine import describe
from fqss_tf.evaluation import load_mixtures
from fqss_tf.metrics import si_sdr
from fqss_tf.quantization import wrap
from fqss_tf.quantization.rounding import round_decoders
from fqss_tf.runs.run import Run
from fqss_tf.types import Planes

SECONDS = 2
CALIBRATION_BATCHES = 16
PARTS = {
    "encoder_sum_1": ("encoder_sum_1",),
    "masked": ("masked",),
    "residual_encoder_1": ("residual_encoder_1",),
    "latent_1": ("latent_1",),
    "weights of decoders": ("decoder_0/kernel", "decoder_1/kernel"),
    "other weights": (),
    "all": (),
}


def main() -> None:
    options = _arguments()
    run = Run(options.run)
    mixtures, sources = _excerpts(options, run.recipe.data.sample_rate)
    columns = {}
    for name, model, float_model in _models(run):
        columns[name] = _losses(model, float_model, mixtures, sources)
    print(describe())
    print(f"{len(mixtures)} mixtures of {SECONDS} s, at least {options.least_snr:g} dB\n")
    print("| rounded | " + " | ".join(columns) + " |\n|---|" + "---:|" * len(columns))
    for part in PARTS:
        cells = [f"{losses[part]:.2f}" if part in losses else "" for losses in columns.values()]
        print(f"| {part} | " + " | ".join(cells) + " |")


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--run", required=True, type=Path)
    add("--data", required=True, type=Path)
    add("--least-snr", type=float, default=14.0)
    add("--mixtures", type=int, default=8)
    return parser.parse_args()


def _excerpts(options, rate):
    found, _ = load_mixtures(options.data)
    chosen = []
    for _, _, mixture, sources in found:
        samples, source = mixture[: SECONDS * rate], sources[0][: SECONDS * rate]
        if si_sdr(samples, source) >= options.least_snr and len(chosen) < options.mixtures:
            gain = 1 / np.abs(samples).max()
            chosen.append((gain * samples, gain * source))
    return (np.stack(each).astype(np.float32) for each in zip(*chosen, strict=True))


def _models(run: Run) -> Iterator[tuple]:
    """(name, calibrated model, float model) of each form of the second plane."""
    float_model = run.level_calibrated_model()
    batches = list(run.calibration_batches())[:CALIBRATION_BATCHES]
    for residual in ("samples", "exact"):
        settings = dataclasses.replace(
            run.recipe.quantization, residual=residual, masking="direct", latent_planes=1
        )
        if residual != "exact" and run.config.sum_to_mixture:
            continue
        run.files.recipe = dataclasses.replace(run.recipe, quantization=settings)
        model = run.uncalibrated_model(Planes(2, 2), float_model, batches)
        inputs = [batch[:, None, :, None] for batch in batches]
        wrap.calibrate(model, inputs, settings.calibration)
        yield residual, model, float_model
        if residual == "exact":
            wrap.set_mode(model, "quantize")
            round_decoders(model, inputs)
            yield "exact, decoders rounded together", model, float_model


def _losses(model, float_model, mixtures, sources):
    parts = QuantizedParts(model)
    expected = float_model(mixtures[:, None, :, None], training=False).numpy()[:, 0, :, 0]
    values = parts.float_pass(mixtures)
    names = {tensor.name for tensor in parts.tensors}
    losses = {}
    for part, wanted in PARTS.items():
        if not names.issuperset(wanted):
            continue
        chosen = [
            tensor for tensor in parts.tensors
            if tensor.kind == "output"  # else the planes would not be the splitter's
            or tensor.name in wanted or part == "all"
            or part == "other weights" and tensor.kind == "weight"
            and not tensor.name.startswith("decoder_")
        ]
        estimates = parts.quantized(values, chosen, 8)[:, 0]
        losses[part] = np.mean([
            si_sdr(exact, source) - si_sdr(estimate, source)
            for exact, estimate, source in zip(expected, estimates, sources, strict=True)
        ])
    return losses


if __name__ == "__main__":
    main()
