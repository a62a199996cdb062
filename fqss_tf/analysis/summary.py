"""Means and rankings of what was measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fqss_tf.analysis.noise import loss, mean
from fqss_tf.types import Json

if TYPE_CHECKING:
    from fqss_tf.analysis.integer import Files
    from fqss_tf.analysis.simulation import Simulation

INDEPENDENT_DB = 0.5  # a prediction that is this close counts as met


def separated(rows: Iterable[Json], least_sdr: float) -> list[Json]:
    """Keeps the rows of sources that the float network separates at all.

    Below 0 dB there is more distortion in an estimate than source, and noise hardly matters.
    """
    return [row for row in rows if row["float_sdr"] >= least_sdr]


def where(rows: Iterable[Json], **labels: str | int) -> list[Json]:
    """Keeps the rows with these labels."""
    return [row for row in rows if all(row[key] == value for key, value in labels.items())]


def grouped(rows: Iterable[Json], key: str) -> dict[Any, list[Json]]:
    """Gives the rows of each label, in the order in which labels come."""
    groups: dict[Any, list[Json]] = {}
    for row in rows:
        groups.setdefault(row[key], []).append(row)
    return groups


def curve_summary(rows: Iterable[Json]) -> list[Json]:
    """Averages by network, part and bits: losses, and how far the prediction is off.

    Args:
        rows: of ``Simulation.curves``.

    Returns:
        Dicts of ``network``, ``part``, ``bits``, ``loss`` and ``predicted_loss`` in dB, ``sqnr`` in
        dB, ``bound_loss``, the loss that an output of as many bits makes by theory, ``within``, the
        share of sources whose SDR is within 0.5 dB of the prediction, and the means of the two
        magnitudes ``source_correlation`` and ``error_correlation``.
    """
    summary = []
    for network, own in grouped(rows, "network").items():
        for part, of_part in grouped(own, "part").items():
            for bits, same in grouped(of_part, "bits").items():
                summary.append(
                    {"network": network, "part": part, "bits": bits} | _means(same)
                    | {"bound_loss": mean(same, "float_sdr") - mean(same, "output_bound")}
                )
    return summary


def _means(rows: Sequence[Json]) -> dict[str, float]:
    off = np.array([row["predicted"] - row["sdr"] for row in rows])
    return {
        "loss": loss(rows),
        "predicted_loss": mean(rows, "float_sdr") - mean(rows, "predicted"),
        "sqnr": mean(rows, "sqnr"),
        "within": float(np.mean(np.abs(off) <= INDEPENDENT_DB)),
        "source_correlation": float(np.mean([abs(row["source_correlation"]) for row in rows])),
        "error_correlation": float(np.mean([abs(row["error_correlation"]) for row in rows])),
    }


def ranking(simulation: Simulation, network: str, bits: int, least_sdr: float) -> list[Json]:
    """Ranks the tensors of a network, the one whose quantization loses most SI-SDR first.

    Returns:
        Dicts of ``tensor``, ``kind``, ``loss`` and ``sqnr`` in dB at the output, and of the tensor
        itself ``own_sqnr`` in dB, ``clipped`` and ``used``, None where they were not measured.
    """
    rows = separated(where(simulation.tensors, network=network, bits=bits), least_sdr)
    own = grouped(where(simulation.own, network=network, bits=bits), "tensor")
    entries = [
        {
            "tensor": tensor,
            "kind": same[0]["kind"],
            "loss": loss(same),
            "sqnr": mean(same, "sqnr"),
            **{
                key: mean(own[tensor], key) if tensor in own else None
                for key in ("own_sqnr", "clipped", "used")
            },
        }
        for tensor, same in grouped(rows, "tensor").items()
    ]
    return sorted(entries, key=lambda entry: -entry["loss"])


def file_summary(files: Files, least_sdr: float) -> list[Json]:
    """Averages by integer file: ``model``, ``method``, and the means of ``curve_summary``."""
    return [
        {"model": model, "method": rows[0]["method"]} | _means(rows)
        for model, rows in grouped(separated(files.rows, least_sdr), "model").items()
    ]
