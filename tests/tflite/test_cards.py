import hashlib

import pytest

from fqss_tf.errors import FqssError
from fqss_tf.tflite.cards import card, describe


def test_facts_are_those_of_card_and_file(toy_ships, tiny_tflite):
    content = tiny_tflite.read_bytes()
    found = describe("toy")
    assert (found.name, found.task, found.si_sdri, found.data) == (
        "toy", "two toys", 12.5, "noise (CC0)"
    )
    assert (found.sample_rate, found.latency_ms, found.is_streaming) == (8000, 100.0, False)
    assert (found.bytes, found.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert found.sources == ("speech_1", "speech_2")
    assert found.has_float and not describe("plain").has_float


@pytest.mark.parametrize("asked", [card, describe])
@pytest.mark.parametrize("name", ["toi", "README", "../toy", "toy.md"])
def test_an_unknown_name_lists_the_known_ones(toy_ships, asked, name):
    with pytest.raises(FqssError, match=f"no model {name}: give one of plain, toy"):
        asked(name)
