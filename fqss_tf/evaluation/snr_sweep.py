"""What the first source gains at each level of the input, and what 8 bits cost there."""

from collections.abc import Sequence

import numpy as np

from fqss_tf.evaluation.evaluate import ModelScore
from fqss_tf.text_table import aligned
from fqss_tf.types import Json


def snr_sweep(score: ModelScore) -> list[dict[str, float]]:
    """Averages over the mixtures of each input SNR.

    Args:
        score: a ModelScore, on mixtures at a few fixed levels of the first source over the others.

    Returns:
        A list of dicts by rising ``input_snr``, with ``si_sdri``, the SI-SDR improvement of the
        first source; both in dB.
    """
    sweep = []
    for snr in sorted({row.level_difference for row in score.rows}):
        gains = [
            row.source_si_sdr[0] - row.mixture_source_si_sdr[0]
            for row in score.rows if row.level_difference == snr
        ]
        sweep.append({"input_snr": snr, "si_sdri": float(np.mean(gains))})
    return sweep


def snr_table(sweep: Sequence[Json]) -> str:
    """Writes rows of ``snr_sweep`` of several models as aligned text, one line an input SNR.

    Args:
        sweep: the rows; each also has the ``method`` of its model, and ``drop``, what it loses
            against the first model, dB.
    """
    first, *others = dict.fromkeys(row["method"] for row in sweep)
    table = [("input SNR (dB)", first, *(f"{method} loses" for method in others))]
    for snr in dict.fromkeys(row["input_snr"] for row in sweep):
        rows = {row["method"]: row for row in sweep if row["input_snr"] == snr}
        # Adding 0 takes the sign off a zero.
        losses = (f"{round(rows[method]['drop'], 2) + 0:.2f}" for method in others)
        table.append((f"{snr:g}", f"{rows[first]['si_sdri']:+.2f}", *losses))
    return "\n".join(aligned(table, numbers_from=0))
