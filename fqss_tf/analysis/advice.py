"""What the measurements say about this model, in sentences."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import spearmanr

from fqss_tf.analysis import summary, theory
from fqss_tf.analysis.noise import loss, mean
from fqss_tf.analysis.simulation import INTEGER_BITS, WAVEFORMS, Simulation
from fqss_tf.types import Json

if TYPE_CHECKING:
    from fqss_tf.analysis.integer import Files

BUDGET_DB = 0.03  # what the paper's integer ConvTasNet loses in all
MOST_NAMED = 8
MOSTLY_CLIPPED = 0.5
HARDLY_USED = 0.5
OFTEN_SATURATED = 0.01
WORTH_DB = 0.02
HIGH_SDR = 10.0
FEWEST_TO_CORRELATE = 5


def advice(
    simulation: Simulation | None, files: Files | None, least_sdr: float
) -> dict[str, list[str]]:
    """Puts into sentences what was found of tensors, utterances, splitter and combiner.

    Args:
        simulation: a Simulation, or None.
        files: Files, or None.
        least_sdr: float SI-SDR in dB that a source needs to count.

    Returns:
        Dict of ``tensors``, ``utterances`` and ``splitter``: lists of sentences.
    """
    if simulation:
        tensors = _tensors(simulation, least_sdr)
    else:
        tensors = _layers(files) if files else []
    return {
        "tensors": tensors,
        "utterances": _utterances(simulation, files, least_sdr),
        "splitter": _splitter(simulation, files, least_sdr),
    }


def whole(simulation: Simulation, network: str = "plain") -> list[Json]:
    """Gives the rows of the network quantized whole at 8 bits."""
    return summary.where(simulation.curves, network=network, part="all", bits=INTEGER_BITS)


def _tensors(simulation: Simulation, least_sdr: float) -> list[str]:
    entries = summary.ranking(simulation, "plain", INTEGER_BITS, least_sdr)
    costly = [entry for entry in entries if entry["loss"] >= BUDGET_DB]
    sentences = [
        f"{len(costly)} of {len(entries)} tensors lose {BUDGET_DB} dB or more when they alone have "
        f"{INTEGER_BITS} bits, and so need more bits, another range, or training."
    ]
    rows = summary.separated(
        summary.where(simulation.tensors, network="plain", bits=INTEGER_BITS), least_sdr
    )
    by_tensor = summary.grouped(rows, "tensor")
    for entry in costly[:MOST_NAMED]:
        bits = more_bits(by_tensor[entry["tensor"]])
        sentences.append(
            f"{entry['tensor']}: loses {entry['loss']:.2f} dB (SQNR {entry['sqnr']:.1f} dB); "
            f"{bits} more bits would keep every source within {BUDGET_DB} dB."
            + _range_advice(entry)
        )
    return sentences


def more_bits(rows: Iterable[Json]) -> int:
    """Counts the bits that a tensor lacks for the source that it hurts most, at 6.02 dB a bit."""
    lacking = max(
        float(
            theory.needed_sqnr_db(row["float_sdr"], BUDGET_DB)
            - theory.target_sqnr_db(row["float_sdr"], row["sqnr"])
        )
        for row in rows
    )
    return max(math.ceil(lacking / theory.DB_PER_BIT), 0)


def _range_advice(entry: Json) -> str:
    if entry["clipped"] is not None and entry["clipped"] > MOSTLY_CLIPPED:
        return (f" A wider range would help first: {entry['clipped']:.0%} of its noise is from "
                "values beyond it.")
    if entry["used"] is not None and entry["used"] < HARDLY_USED:
        return f" A narrower range would help: these mixtures use {entry['used']:.0%} of it."
    return ""


def _layers(files: Files) -> list[str]:
    sentences: list[str] = []
    for model, rows in summary.grouped(files.layers, "model").items():
        worst = sorted(rows, key=lambda row: row["sqnr"])[:3]
        named = ", ".join(f"{row['layer']} ({row['sqnr']:.1f} dB)" for row in worst)
        sentences.append(f"{model}: farthest from the float layers are {named}.")
        for row in sorted(rows, key=lambda row: -row["saturated"])[:MOST_NAMED]:
            if row["saturated"] > OFTEN_SATURATED:
                sentences.append(f"{model}: {row['saturated']:.1%} of {row['layer']} are at the "
                                 "ends of the range: a wider range may help.")
    return sentences


def _utterances(simulation: Simulation | None, files: Files | None, least_sdr: float) -> list[str]:
    groups: dict[str, list[Json]] = {}
    if files:
        groups = summary.grouped(files.rows, "model")
    elif simulation:
        groups = {"the network at 8 bits, untrained": whole(simulation)}
    sentences = []
    for name, rows in groups.items():
        rows = summary.separated(rows, least_sdr)
        float_sdr = np.array([row["float_sdr"] for row in rows])
        losses = float_sdr - [row["sdr"] for row in rows]
        worst = rows[int(np.argmax(losses))]
        sentence = (
            f"{name}: loses most ({losses.max():.2f} dB of {worst['float_sdr']:.1f}) on source "
            f"{worst['source']} of {worst['utterance']}"
        )
        if (float_sdr >= HIGH_SDR).any() and (float_sdr < HIGH_SDR).any():
            sentence += (
                f"; {losses[float_sdr >= HIGH_SDR].mean():.2f} dB on average from {HIGH_SDR:g} dB "
                f"of float SI-SDR on, {losses[float_sdr < HIGH_SDR].mean():.2f} dB below"
            )
        if len(rows) >= FEWEST_TO_CORRELATE:
            rank = spearmanr(float_sdr, losses).statistic
            sentence += f"; rank correlation of loss and float SI-SDR {rank:.2f}"
        sentences.append(sentence + ".")
    return sentences


def _splitter(simulation: Simulation | None, files: Files | None, least_sdr: float) -> list[str]:
    sentences = []
    if simulation:
        plain = summary.separated(whole(simulation), least_sdr)
        sentences.append(_share(simulation, plain, least_sdr))
        for network, title in (("split", "ranges measured, untrained"), ("trained", "trained")):
            rows = whole(simulation, network)
            if rows:
                rows = summary.separated(rows, least_sdr)
                sentences.append(_verdict(title, plain, rows, "the plain network, untrained,"))
    if files:
        by_method = summary.grouped(summary.separated(files.rows, least_sdr), "method")
        for other in ("ptq", "qat"):
            if "fqss" in by_method and other in by_method:
                sentences.append(_verdict(
                    "FQSS in integers", by_method[other], by_method["fqss"], f"{other} in integers"
                ))
    return sentences or ["Nothing to compare: give a run, or integer files of two methods."]


def _share(simulation: Simulation, plain: Sequence[Json], least_sdr: float) -> str:
    """What splitter and combiner can remove at most."""
    total = _noise_power(plain)
    rows = summary.separated(
        summary.where(simulation.curves, network="plain", bits=INTEGER_BITS), least_sdr
    )
    shares = {
        part: _noise_power(summary.where(rows, part=part)) / total for part in sorted(WAVEFORMS)
    }
    return (
        f"The 8-bit input makes {shares['input']:.0%} and the 8-bit output "
        f"{shares['output']:.0%} of the noise: splitter and combiner can remove no more than that."
    )


def _noise_power(rows: Iterable[Json]) -> float:
    """Mean noise of rows, as a share of the estimate's power."""
    return float(np.mean([10 ** (-row["sqnr"] / 10) for row in rows]))


def _verdict(title: str, without: Sequence[Json], with_: Sequence[Json], beside: str) -> str:
    gain = loss(without) - loss(with_)
    sqnr = [mean(rows, "sqnr") for rows in (with_, without)]
    # A loss can shrink by luck, where noise happens to undo an error: less noise must go with it.
    if gain > WORTH_DB and sqnr[0] > sqnr[1]:
        word = "pay"
    elif gain < -WORTH_DB and sqnr[0] < sqnr[1]:
        word = "cost"
    else:
        word = "neither pay nor cost clearly"
    return (
        f"Splitter and combiner, {title}: they {word}. Loss {loss(with_):.2f} dB, {beside} "
        f"{loss(without):.2f} dB; SQNR {sqnr[0]:.1f} and {sqnr[1]:.1f} dB."
    )
