"""fqss-tf models: which models ship with the package, and what is known of each."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from fqss_tf.cli.standard_streams import show
from fqss_tf.text_table import aligned

if TYPE_CHECKING:
    from fqss_tf.tflite.cards import ShippedModel

HEADER = (
    "name", "task", "for", "rate", "latency", "size", "SI-SDR improvement", "trained on (license)"
)


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table or a card.")
def command(name: str | None, as_json: bool) -> None:
    """List the models that ship, or print the card of the model NAME.

    Every command that takes a .tflite file also takes the name of a model. A file or folder of that
    name in the working folder comes first.

    The latency is the time from the arrival of a sound until it is separated, without computing
    time.
    """
    from fqss_tf.tflite.cards import card, describe
    from fqss_tf.tflite.shipped import list_models

    if name is not None and not as_json:
        show(card(name).rstrip())
        return
    models = [describe(each) for each in ([name] if name else list_models())]
    if as_json:
        found = [dataclasses.asdict(model) for model in models]
        show(json.dumps(found[0] if name else found, indent=2))
    else:
        show("\n".join(_table(models)))


def _table(models: Iterable[ShippedModel]) -> Iterator[str]:
    return aligned([HEADER, *(_row(model) for model in models)])


def _row(model: ShippedModel) -> tuple[str, ...]:
    return (
        model.name,
        model.task,
        "streams" if model.is_streaming else "recordings",
        f"{model.sample_rate} Hz",
        f"{model.latency_ms:g} ms",
        f"{model.bytes / 1e6:.2f} MB",
        f"{model.si_sdri:.2f} dB",
        model.data,
    )
