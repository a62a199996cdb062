import numpy as np
import pytest

from fqss_tf.analysis import summary
from fqss_tf.analysis.advice import advice, more_bits
from fqss_tf.analysis.excerpts import cut_excerpts
from fqss_tf.analysis.simulation import BITS, PARTS, TENSOR_BITS, simulate
from fqss_tf.models.inference import separation_function

EVERYTHING = -100.0


@pytest.fixture(scope="module")
def simulation(untrained):
    """Of a network whose estimates are the sources, but for an error 25, 15 and 5 dB below."""
    run = untrained()
    ((mixture, _),) = run.mixtures("dev")
    estimates = separation_function(run.folded_model())(mixture)
    error = np.random.default_rng(0).standard_normal(estimates.shape)
    error *= estimates.std(axis=1, keepdims=True)
    mixtures = [
        (f"m{sdr}", 0.0, mixture, estimates + 10 ** (-sdr / 20) * error) for sdr in (25, 15, 5)
    ]
    seen = []
    excerpts = cut_excerpts(mixtures, len(mixture))
    found = simulate(run, excerpts, 2, EVERYTHING, lambda *step: seen.append(step))
    assert seen[-1] == (100, 100) and seen == sorted(seen)
    return found


def test_every_part_has_every_number_of_bits_for_every_source(simulation):
    plain = summary.where(simulation.curves, network="plain")
    assert len(plain) == len(PARTS) * len(BITS) * 3 * 2
    for part in PARTS:
        curve = summary.curve_summary(summary.where(plain, part=part))
        sqnr = [row["sqnr"] for row in curve]
        assert [row["bits"] for row in curve] == list(BITS)
        assert sqnr[0] + 15 < sqnr[4] < sqnr[8] - 15


def test_an_output_of_few_bits_is_as_theory_says(simulation):
    rows = summary.where(simulation.curves, network="plain", part="output", bits=8)
    for row, sdr in zip(rows, (25, 25, 15, 15, 5, 5), strict=True):
        assert row["float_sdr"] == pytest.approx(sdr, abs=0.5)
        assert row["sdr"] == pytest.approx(row["output_bound"], abs=0.1)
        assert row["sdr"] == pytest.approx(row["predicted"], abs=0.1)


def test_noise_costs_most_where_float_is_best(simulation):
    rows = summary.where(simulation.curves, network="plain", part="all", bits=6)
    losses = [row["float_sdr"] - row["sdr"] for row in rows]
    assert min(losses[:2]) > 2 * max(losses[2:4]) > 4 * max(losses[4:])


def test_each_tensor_is_ranked_once(simulation):
    for bits in TENSOR_BITS:
        entries = summary.ranking(simulation, "plain", bits, EVERYTHING)
        names = [entry["tensor"] for entry in entries]
        assert len(set(names)) == len(names)
        assert {"input", "output", "masked", "decoder_0/kernel"} <= set(names)
        losses = [entry["loss"] for entry in entries]
        assert losses == sorted(losses, reverse=True)


def test_splitter_and_combiner_take_the_noise_out_of_input_and_output(simulation):
    sqnr = {
        (network, entry["tensor"]): entry["sqnr"]
        for network in ("plain", "split")
        for entry in summary.ranking(simulation, network, 8, EVERYTHING)
    }
    for tensor in ("input", "output"):
        assert sqnr["split", tensor] > sqnr["plain", tensor] + 10


def test_advice_names_the_costly_tensors_and_the_bits_that_they_lack(simulation):
    given = advice(simulation, None, EVERYTHING)
    assert set(given) == {"tensors", "utterances", "splitter"}
    assert "splitter and combiner can remove no more" in given["splitter"][0]
    entries = summary.ranking(simulation, "plain", 8, EVERYTHING)
    costly = [entry["tensor"] for entry in entries if entry["loss"] >= 0.03]
    assert [line.split(":")[0] for line in given["tensors"][1:]] == costly[:8]


def test_more_bits_bring_the_worst_source_into_the_budget():
    rows = [{"float_sdr": 15.0, "sqnr": 60.0}, {"float_sdr": 20.0, "sqnr": 30.0}]
    assert more_bits(rows) == 2  # 20 dB needs 41.6 dB: 11.6 dB more, two bits
    assert more_bits(rows[:1]) == 0
