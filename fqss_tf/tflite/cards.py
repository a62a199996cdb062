"""What is told about the models that ship: by their cards, and by the files themselves."""

import re
from dataclasses import dataclass

from fqss_tf.errors import FqssError
from fqss_tf.tflite.file import TfliteFile
from fqss_tf.tflite.shipped import list_float_models, list_models, shipped_file

# A row of the table in a card: | task | two voices |
ROW = re.compile(r"^\| (.+?) \| (.+) \|$", re.MULTILINE)


@dataclass(frozen=True)
class ShippedModel:
    """What a list of models says of one.

    ``task``, ``si_sdri`` (SI-SDR improvement in dB) and ``data`` (what it was trained on, and under
    which licenses) stand in the card, the others in the file. ``latency_ms``: from the arrival of a
    sound until it is separated, without computing time. ``has_float``: whether its float weights
    ship, too.
    """

    name: str
    task: str
    sources: tuple[str, ...]
    is_streaming: bool
    sample_rate: int
    latency_ms: float
    bytes: int
    si_sdri: float
    data: str
    sha256: str
    has_float: bool


def card(name: str) -> str:
    """Returns the card of a model that ships, in Markdown.

    Raises:
        FqssError: a name that no model has.
    """
    if name not in list_models():
        raise FqssError(f"no model {name}: give one of {', '.join(list_models())}")
    return shipped_file(name, ".md").read_text(encoding="utf-8")


def describe(name: str) -> ShippedModel:
    """Returns what a list of models says of one that ships.

    Raises:
        FqssError: a name that no model has.
    """
    facts = dict(ROW.findall(card(name)))
    file = TfliteFile.open(shipped_file(name, ".tflite"))
    metadata = file.metadata
    return ShippedModel(
        name=name,
        task=facts["task"],
        sources=metadata.sources,
        is_streaming=metadata.is_streaming,
        sample_rate=metadata.sample_rate,
        latency_ms=1000 * metadata.latency / metadata.sample_rate,
        bytes=len(file.content),
        si_sdri=float(facts["SI-SDR improvement"].removesuffix(" dB")),
        data=facts["data"],
        sha256=file.sha256,
        has_float=name in list_float_models(),
    )
