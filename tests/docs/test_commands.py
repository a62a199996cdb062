"""Commands in the documents have options and recipe keys that exist."""

import re
import shlex
from pathlib import Path

import click
import pytest

from fqss_tf.cli.main import main
from fqss_tf.config import load_recipe, packaged_recipes

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([
    *ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").glob("*.md")
])
FENCE = re.compile(r"^ *```(?:sh)?\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
IN_TEXT = re.compile(r"`(fqss-tf [^`]*)`")
# Words of a line of the shell that end the command.
ENDS = {"|", ">", ">>", "&&", ";", "#"}


def commands(path):
    """Words of each fqss-tf command of a page, without those behind a pipe or in a comment."""
    text = path.read_text(encoding="utf-8")
    lines = "\n".join(FENCE.findall(text)).replace("\\\n", " ").splitlines()
    lines += [" ".join(span.split()) for span in IN_TEXT.findall(FENCE.sub("", text))]
    for line in lines:
        for part in re.split(r"(?=\bfqss-tf )", line)[1:]:
            words = []
            for word in split(part):
                if word in ENDS:
                    break
                words.append(word)
            yield words[1:]


def split(line):
    try:
        return shlex.split(line.replace("[--", "--").replace("VALUE]", "VALUE"), comments=True)
    except ValueError:  # a quotation that began before the command
        return [word.strip("'\"") for word in line.split()]


def command_of(words):
    """(click command, the words behind its name)."""
    command = main
    while isinstance(command, click.Group) and words:
        following = command.get_command(click.Context(command), words[0])
        if following is None:
            break
        command, words = following, words[1:]
    return command, words


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_options_and_keys_exist(path):
    wrong = []
    for words in commands(path):
        command, words = command_of(words)
        known = {name for parameter in command.params for name in parameter.opts} | {"--help"}
        wrong += [word for word in words if word.startswith("--") and word not in known]
        settings = [
            value for option, value in zip(words, words[1:], strict=False) if option == "--set"
        ]
        recipes = [word for word in words if word in packaged_recipes()]
        if command.name != "import":
            load_recipe(
                (recipes or ["quickstart"])[0], [each for each in settings if each != "KEY=VALUE"]
            )
    assert wrong == []


def test_pages_have_commands():
    assert sum(len(list(commands(path))) for path in DOCUMENTS) > 100
