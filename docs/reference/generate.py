"""Writes docs/reference/recipes.md and docs/reference/commands.md from the code.

    python docs/reference/generate.py          # write both pages
    python docs/reference/generate.py --check  # fail if a page is out of date

Keys and defaults are those of the dataclasses of ``fqss_tf.config`` and of the networks.
What a key means is ``metadata["help"]`` of its field or, without that, a line of ``keys.yaml``.
"""

import dataclasses
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import yaml

from fqss_tf import config
from fqss_tf.cli.main import main as fqss_tf
from fqss_tf.models.registry import NETWORKS

FOLDER = Path(__file__).parent
NOTE = "<!-- Made by docs/reference/generate.py: change the code or keys.yaml and run it again. -->"
TEXTS = yaml.safe_load((FOLDER / "keys.yaml").read_text(encoding="utf-8"))
CHOICES: dict[str, tuple[str, ...]] = {
    "network": tuple(NETWORKS),
    "schedule": config.SCHEDULES,
    "precision": config.PRECISIONS,
    "calibration": config.CALIBRATIONS,
    "residual": config.RESIDUALS,
    "masking": config.MASKINGS,
}


def pages() -> dict[Path, str]:
    """Returns the text of each page."""
    return {
        FOLDER / "recipes.md": "\n".join(recipes()) + "\n",
        FOLDER / "commands.md": "\n".join(commands()) + "\n",
    }


def recipes() -> Iterator[str]:
    """Yields the lines of the page of recipes."""
    yield from (
        NOTE, "", "# Recipes", "",
        *_wrapped(
            "A recipe is a YAML file with everything that decides a training run: the network, the "
            "data and the three [stages](../guide/train.md#the-three-stages). A key that it leaves "
            "out has the default given here. `--set KEY=VALUE` changes a key, with a dot between "
            "section and key: `--set qat.steps=500`."
        ), "", *_wrapped(
            "With `base: NAME` a recipe gives only what differs from another one: a packaged "
            "recipe, or a YAML file by its path from the folder of this one. `recipe.yaml` in a "
            "run folder has every key."
        ), "", "```yaml", "base: two-voices", "data: {datasets: [/data/libri]}",
        "qat: {steps: 5000}", "```", "", "## Keys", "",
    )
    yield from table(config.Recipe, "Recipe", config.Recipe())
    sections = (
        ("data", "DataRecipe", config.DataRecipe()),
        ("float and qat", "StageRecipe", config.StageRecipe()),
        ("quantization", "QuantizationRecipe", config.QuantizationRecipe()),
    )
    for title, name, defaults in sections:
        yield from ("", f"### {title}", "")
        if name == "StageRecipe":
            rate = config.Recipe().qat.learning_rate
            yield from (
                f"Both stages have the same keys. Only `qat.learning_rate` has another default, "
                f"`{rate}`.", "",
            )
        yield from table(type(defaults), name, defaults)
    for name, network in NETWORKS.items():
        yield from ("", f"### model of {name}", "", f"With `network: {name}`.", "")
        yield from table(type(network.sizes), "EncoderSizes", network.sizes)
    yield from ("", "## Packaged recipes", "")
    for name in sorted(config.packaged_recipes(), key=list(TEXTS["recipes"]).index):
        yield from (f"### {name}", "", *_wrapped(TEXTS["recipes"][name]), "", "```yaml")
        yield from _without_comments(name)
        yield from ("```", "")


def table(kind: type, name: str, defaults: Any) -> Iterator[str]:
    """Yields a table of the fields of a dataclass.

    Args:
        kind: the dataclass.
        name: of its section in keys.yaml.
        defaults: an instance of it.
    """
    yield from ("| key | default | what it says |", "|---|---|---|")
    choices = CHOICES | getattr(kind, "choices", {})
    for field in dataclasses.fields(kind):
        text = field.metadata.get("help") or TEXTS["keys"][name][field.name]
        allowed = choices.get(field.name, ())
        if allowed and not all(f"`{choice}`" in text for choice in allowed):
            text += ". One of " + ", ".join(f"`{choice}`" for choice in allowed)
        yield f"| `{field.name}` | {_default(getattr(defaults, field.name))} | {text} |"


def _default(value: Any) -> str:
    if dataclasses.is_dataclass(value):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`[{', '.join(value)}]`"
    return f"`{value}`" if value != "" else "empty"


def _without_comments(recipe: str) -> Iterator[str]:
    folder = Path(config.__file__).parent / "recipes"
    for line in (folder / f"{recipe}.yaml").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            yield line


def commands() -> Iterator[str]:
    """Yields the lines of the page of commands."""
    yield from (
        NOTE, "", "# Commands", "",
        *_wrapped(
            "This is what `fqss-tf COMMAND --help` prints. The [guides](../../README.md#read-on) "
            "show how the commands work together."
        ), "",
        *_wrapped(
            "Results go to stdout, messages and progress to stderr. On a terminal progress is a "
            "bar; in a log it is a line a minute."
        ), "",
        "| exit code | what it means |", "|---|---|",
        "| 0 | done |",
        "| 1 | `data check` found problems |",
        "| 2 | a mistake, or something that is damaged or missing: one line, `error: ...` |",
        "| 130 | interrupted by Ctrl-C |",
        "| 129, 143 | ended by SIGHUP, SIGTERM; temporary files were removed |",
        "",
    )
    yield from _of_group(fqss_tf, "fqss-tf")


def _of_group(group: click.Group, path: str) -> Iterator[str]:
    context = click.Context(group, info_name=path)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield from _of_command(command, f"{path} {name}")
        if isinstance(command, click.Group):
            yield from _of_group(command, f"{path} {name}")


def _of_command(command: click.Command, path: str) -> Iterator[str]:
    context = click.Context(command, info_name=path)
    title = path.removeprefix("fqss-tf ")
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    yield from (f"## {title}", "", "```", usage, "```", "")
    for paragraph in (command.help or "").split("\n\n"):
        yield from (*_wrapped(paragraph.replace("<", r"\<")), "")
    records = [
        record
        for parameter in command.params
        if isinstance(parameter, click.Option) and (record := parameter.get_help_record(context))
    ]
    if records:
        yield from ("| option | what it does |", "|---|---|")
        for names, text in records:
            yield f"| `{_cell(names)}` | {_cell(text)} |"
        yield ""


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(" ".join(text.split()), 120, break_long_words=False)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


def main() -> None:
    """Writes the pages, or with ``--check`` compares them."""
    stale = [
        path.name
        for path, text in pages().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    if "--check" in sys.argv[1:]:
        sys.exit(f"out of date: {', '.join(stale)}; run {Path(__file__).name}" if stale else 0)
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
