"""A float run, quantized in parts: which bits and which tensors cost how much SDR."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from fqss_tf.analysis.excerpts import Excerpt, Reference, check_separated, referenced, spread
from fqss_tf.analysis.noise import noise_rows, output_bound, ratio_db
from fqss_tf.types import Json, KerasModel, OnProgress, Planes, Sources
from fqss_tf.types import Tensor as TfTensor

if TYPE_CHECKING:
    from fqss_tf.analysis.network import QuantizedParts, Tensor
    from fqss_tf.runs.base import BaseRun

    _Measure: TypeAlias = Callable[
        ["Simulation", QuantizedParts, Mapping[str, TfTensor], Sequence[Reference], "_Setting"],
        None,
    ]

BITS = range(4, 17)
TENSOR_BITS = (8, 6, 4)
INTEGER_BITS = 8
PARTS = {
    "input": {"input"},
    "output": {"output"},
    "weights": {"weight"},
    "activations": {"activation"},
    "all": {"input", "output", "weight", "activation"},
}
WAVEFORMS = {"input", "output"}
SPLIT_STAGES = Planes(2, 2)
BATCH = 8
MAKING = 20  # per cent of the progress: ranges are measured on training mixtures

Item = TypeVar("Item")


class _Setting(NamedTuple):
    """Labels of the rows, the tensors that are quantized, and those that stay 8-bit beside them."""

    labels: Json
    tensors: list[Tensor]
    beside: Sequence[Tensor] = ()


@dataclass
class Simulation:
    """What was measured; all rows are dicts.

    ``references``: one per excerpt. ``curves``: rows of ``noise_rows`` with ``network``, ``part``
    and ``bits``, and ``output_bound``, the SDR that an output of as many bits leaves by theory
    alone, from the crest factor. ``tensors``: ``noise_rows`` with ``network``, ``tensor``, ``kind``
    and ``bits``. ``own``: a row per network, tensor and bits with the noise of the tensor itself:
    ``own_sqnr`` in dB, ``clipped`` and ``used``, shares of 1. ``estimates``: (network, utterance)
    -> what it gives when quantized whole to 8 bits, [sources, samples] in the order of the sources.

    The networks: ``plain`` has one 8-bit input and output; ``split`` is the same with splitter and
    combiner, its ranges measured but not trained; ``trained`` is the run's FQSS network.
    """

    references: list[Reference] = field(default_factory=list)
    curves: list[Json] = field(default_factory=list)
    tensors: list[Json] = field(default_factory=list)
    own: list[Json] = field(default_factory=list)
    estimates: dict[tuple[str, str], Sources] = field(default_factory=dict)


def simulate(
    run: BaseRun,
    excerpts: Sequence[Excerpt],
    tensor_excerpts: int,
    least_sdr: float,
    progress: OnProgress | None = None,
) -> Simulation:
    """Quantizes a run's float network in parts and measures each on excerpts.

    Args:
        run: whose ranges are measured on its training mixtures.
        excerpts: list of Excerpt, all of one length, a multiple of the hop.
        tensor_excerpts: on how many of them single tensors are quantized.
        least_sdr: float SI-SDR in dB that at least one source must have.
        progress: called as ``progress(done, total)`` in percent, if given.

    Returns:
        A Simulation.

    Raises:
        FqssError: training data that is missing, nothing that is separated, or NaN.
    """
    from fqss_tf.analysis.network import QuantizedParts

    networks: dict[str, QuantizedParts] = {}
    makers = _makers(run)
    for name, make in makers.items():
        networks[name] = QuantizedParts(make())
        if progress is not None:
            progress(MAKING * len(networks) / len(makers), 100)
    simulation = Simulation()
    plain = networks["plain"]
    for own in _batches(excerpts):
        estimates = plain.float_estimates(plain.float_pass(_mixtures(own)))
        simulation.references += map(referenced, own, estimates)
    check_separated(simulation.references, least_sdr)
    chosen = spread(simulation.references, tensor_excerpts)
    jobs: list[tuple[_Measure, str, list[_Setting], list[Reference]]] = []
    for name, network in networks.items():
        jobs.append((_measure_part, name, _parts(name, network), simulation.references))
        # The trained network's second stage adds more than what the first one lost: there is no
        # float estimate that its tensors' noise would be added to.
        if name != "trained":
            jobs.append((_measure_tensor, name, _single_tensors(name, network), chosen))
    passes = sum(
        len(settings) * len(_batches(references)) for _, _, settings, references in jobs
    )
    done = 0
    for measure, name, settings, references in jobs:
        for batch in _batches(references):
            values = networks[name].float_pass(
                _mixtures([reference.excerpt for reference in batch])
            )
            for setting in settings:
                measure(simulation, networks[name], values, batch, setting)
                done += 1
                if progress is not None:
                    progress(MAKING + (100 - MAKING) * done / passes, 100)
    return simulation


def _makers(run: BaseRun) -> dict[str, Callable[[], KerasModel]]:
    """Name -> function that makes the model."""
    makers: dict[str, Callable[[], KerasModel]] = {
        "plain": lambda: run.calibrated_model(Planes(1, 1)),
        "split": lambda: run.calibrated_model(SPLIT_STAGES),
    }
    if run.is_quantized and run.planes[1] > 1:
        makers["trained"] = run.quantized_model
    return makers


def _parts(name: str, network: QuantizedParts) -> list[_Setting]:
    """Settings of each part at all bits.

    With splitter and combiner of all of it at 8, because its planes have no other number.
    """
    parts = PARTS if name == "plain" else {"all": PARTS["all"]}
    return [
        _Setting(
            {"network": name, "part": part, "bits": bits},
            [tensor for tensor in network.tensors if tensor.kind in kinds],
        )
        for part, kinds in parts.items()
        for bits in (BITS if name == "plain" else [INTEGER_BITS])
    ]


def _measure_part(
    simulation: Simulation,
    network: QuantizedParts,
    values: Mapping[str, TfTensor],
    references: Sequence[Reference],
    setting: _Setting,
) -> None:
    labels, tensors, _ = setting
    estimates = network.quantized(values, tensors, labels["bits"])
    simulation.curves += [
        row | {"output_bound": bound}
        for row, bound in zip(
            _rows(labels, references, estimates), _bounds(references, labels["bits"]), strict=True
        )
    ]
    if labels["part"] == "all" and labels["bits"] == INTEGER_BITS:
        for reference, own in zip(references, estimates, strict=True):
            key = labels["network"], reference.excerpt.utterance
            simulation.estimates[key] = own[list(reference.order)]


def _single_tensors(name: str, network: QuantizedParts) -> list[_Setting]:
    """Settings of one tensor at a time.

    With splitter and combiner the planes stay 8-bit beside it, because that is what they are made
    of.
    """
    planes: list[Tensor] = []
    if name != "plain":
        planes = [tensor for tensor in network.tensors if tensor.kind in WAVEFORMS]
    named: dict[str, list[Tensor]] = {}
    for tensor in network.tensors:
        named.setdefault(tensor.name, []).append(tensor)
    return [
        _Setting(
            {"network": name, "tensor": shown, "kind": tensors[0].kind, "bits": bits},
            tensors,
            [] if tensors[0].kind in WAVEFORMS else planes,
        )
        for shown, tensors in named.items()
        for bits in (TENSOR_BITS if name == "plain" else [INTEGER_BITS])
    ]


def _measure_tensor(
    simulation: Simulation,
    network: QuantizedParts,
    values: Mapping[str, TfTensor],
    references: Sequence[Reference],
    setting: _Setting,
) -> None:
    labels, tensors, beside = setting
    is_plane = labels["network"] != "plain" and labels["kind"] in WAVEFORMS
    if is_plane and labels["kind"] == "input":
        estimates = network.float_estimates(values)  # the splitter floors in float too
    else:
        estimates = network.quantized(values, [*beside, *tensors], labels["bits"])
    simulation.tensors += _rows(labels, references, estimates)
    if not is_plane:
        simulation.own += _own(labels, network, values, tensors)


def _own(
    labels: Json, network: QuantizedParts, values: Mapping[str, TfTensor], tensors: Iterable[Tensor]
) -> list[Json]:
    noises = [network.own_noise(values, tensor, labels["bits"]) for tensor in tensors]
    return [
        labels | {
            "own_sqnr": ratio_db(np.sqrt(noise["signal"]), np.sqrt(noise["noise"])),
            "clipped": noise["clipped"] / max(noise["noise"], 1e-20),
            "used": noise["used"],
        }
        for noise in noises if noise is not None
    ]


def _rows(
    labels: Json, references: Sequence[Reference], estimates: NDArray[np.float32]
) -> list[Json]:
    return [
        labels | row
        for reference, own in zip(references, estimates, strict=True)
        for row in noise_rows(reference, own)
    ]


def _bounds(references: Sequence[Reference], bits: int) -> list[float]:
    return [
        output_bound(reference, source, bits)
        for reference in references for source in range(len(reference.sdr))
    ]


def _batches(items: Sequence[Item]) -> list[Sequence[Item]]:
    return [items[start : start + BATCH] for start in range(0, len(items), BATCH)]


def _mixtures(excerpts: Iterable[Excerpt]) -> NDArray[np.float32]:
    return np.stack([excerpt.mixture for excerpt in excerpts])
