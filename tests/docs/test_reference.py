"""The reference pages are what the code makes of them."""

import importlib.util
from pathlib import Path

import pytest

GENERATOR = Path(__file__).parents[2] / "docs" / "reference" / "generate.py"
spec = importlib.util.spec_from_file_location("generate", GENERATOR)
generate = importlib.util.module_from_spec(spec)
spec.loader.exec_module(generate)


@pytest.mark.parametrize("name", ["recipes.md", "commands.md"])
def test_a_page_is_up_to_date(name):
    """If this fails: python docs/reference/generate.py."""
    path = generate.FOLDER / name
    assert path.read_text(encoding="utf-8") == generate.pages()[path]


def test_no_text_is_left_over():
    """Every line of keys.yaml is about a key or a recipe that exists."""
    pages = "\n".join(generate.pages().values())
    for section in generate.TEXTS["keys"].values():
        assert all(f"| `{key}` |" in pages for key in section)
    assert set(generate.TEXTS["recipes"]) == set(generate.config.packaged_recipes())
