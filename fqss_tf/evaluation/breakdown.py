"""Scores of sources with names: of each source, per level of the input and per kind of mixture."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from fqss_tf.evaluation.evaluate import ModelScore, UtteranceScore
from fqss_tf.text_table import aligned
from fqss_tf.types import FloatArray, Json

LEVEL_STEP_DB = 5


def breakdown(score: ModelScore, kinds: Mapping[str, str] | None = None) -> list[Json]:
    """Averages over all mixtures, over those of each 5 dB of level, and over those of each kind.

    Args:
        score: a ModelScore.
        kinds: {mixture_id: kind}; None where nothing is known.

    Returns:
        A list of dictionaries: ``mixtures`` (``all``, such as ``0 to 5 dB``, or a kind), ``count``
        and ``sources`` {name: {score: mean}}. The scores are ``si_sdr`` and ``si_sdri`` (dB), and
        those of ``fqss_tf.evaluation.libraries`` that were asked for, each with its gain over the
        mixture itself, as ``pesq`` and ``pesq_improvement``. Empty for sources without names.
    """
    if not score.sources:
        return []
    groups = {"all": list(score.rows)}
    groups |= _grouped(score.rows, lambda row: math.floor(row.level_difference / LEVEL_STEP_DB))
    if kinds:
        groups |= _grouped(score.rows, lambda row: kinds.get(row.mixture_id, "no kind"))
    others = [_others_of(score.rows, place) for place in range(len(score.sources))]
    return [
        {
            "mixtures": name, "count": len(rows),
            "sources": {
                source: _means(rows, place, others[place])
                for place, source in enumerate(score.sources)
            },
        }
        for name, rows in groups.items()
    ]


def breakdown_table(rows: Sequence[Json]) -> str:
    """Writes rows of ``breakdown`` of one model as aligned text, one line for each row."""
    sources = rows[0]["sources"]
    header = ["", "mixtures"]
    for source, means in sources.items():
        header += [f"{source} {name}" for name in means]
    table = [header]
    for row in rows:
        cells = [row["mixtures"], str(row["count"])]
        for means in row["sources"].values():
            cells += [_number(name, value) for name, value in means.items()]
        table.append(cells)
    return "\n".join(aligned(table, numbers_from=1))


def _grouped(
    rows: Iterable[UtteranceScore], key: Callable[[UtteranceScore], int | str]
) -> dict[str, list[UtteranceScore]]:
    groups: dict[int | str, list[UtteranceScore]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return {
        each if isinstance(each, str)
        else f"{each * LEVEL_STEP_DB} to {(each + 1) * LEVEL_STEP_DB} dB": groups[each]
        for each in sorted(groups)
    }


def _others_of(rows: Sequence[UtteranceScore], place: int) -> list[str]:
    """Names of the other scores that a source has in any mixture."""
    return [
        name for name in rows[0].others
        if any(np.isfinite(row.others[name][place]) for row in rows)
    ]


def _means(
    rows: Sequence[UtteranceScore], place: int, others: Iterable[str]
) -> dict[str, float]:
    own = np.array([row.source_si_sdr[place] for row in rows])
    of_mixture = np.array([row.mixture_source_si_sdr[place] for row in rows])
    means = {"si_sdr": float(own.mean()), "si_sdri": float((own - of_mixture).mean())}
    for name in others:
        found = np.array([row.others[name][place] for row in rows])
        before = np.array([row.mixture_others[name][place] for row in rows])
        means[name] = _mean_of_known(found)
        means[f"{name}_improvement"] = _mean_of_known(found - before)
    return means


def _mean_of_known(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else math.nan


def _number(name: str, value: float) -> str:
    is_difference = name == "si_sdri" or name.endswith("_improvement")
    return f"{value:+.2f}" if is_difference else f"{value:.2f}"
