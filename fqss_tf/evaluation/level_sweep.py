"""SI-SDR of the stronger and of the weaker source as their level difference grows."""

from collections.abc import Sequence

import numpy as np

from fqss_tf.evaluation.evaluate import ModelScore
from fqss_tf.types import Json


def level_sweep(score: ModelScore) -> list[dict[str, float]]:
    """Averages over the mixtures of each level difference.

    Args:
        score: a ModelScore.

    Returns:
        A list of dicts with ``level_difference``, ``stronger_si_sdr`` and ``weaker_si_sdr``, all in
        dB, by rising level difference. Empty unless the mixtures are of two sources without names
        and were made at several level differences, each at least two times on average.
    """
    if score.sources or len(score.rows[0].source_si_sdr) != 2:
        return []
    levels = sorted({row.level_difference for row in score.rows})
    if not 1 < len(levels) <= len(score.rows) / 2:
        return []
    sweep = []
    for level in levels:
        at_level = [row for row in score.rows if row.level_difference == level]
        sweep.append({
            "level_difference": level,
            "stronger_si_sdr": float(np.mean([row.stronger_si_sdr for row in at_level])),
            "weaker_si_sdr": float(np.mean([row.weaker_si_sdr for row in at_level])),
        })
    return sweep


def sweep_table(sweep: Sequence[Json], key: str) -> str:
    """Writes rows of ``level_sweep`` of several models as aligned text, one line a model.

    Args:
        sweep: the rows; each also has the name of its model under ``key``.
        key: such as ``method``.
    """
    levels = sorted({row["level_difference"] for row in sweep})
    title = "level difference"
    width = max(len(title), *(len(row[key]) for row in sweep)) + 2
    lines = [title.ljust(width) + "".join(f"{level:>16.0f} dB" for level in levels)]
    for name in dict.fromkeys(row[key] for row in sweep):
        cells = "".join(
            f"{row['stronger_si_sdr']:10.2f}/{row['weaker_si_sdr']:8.2f}"
            for row in sweep if row[key] == name
        )
        lines.append(name.ljust(width) + cells)
    return "\n".join(lines)
