"""Runs the commands on a page of docs/results, in order, so that they print its figures again.

    python benchmarks/page.py PAGE [--section WORDS] [--output DIR] [--folder NAME=DIR ...] [--list]

PAGE is the name of the page, such as ``two-voices``. The commands run in DIR, a new folder named
after the page by default. A page calls data sets by names such as ``librispeech-8k``; ``--folder``
says where yours are. ``--section`` takes only the commands under the heading that holds these
words, and ``--list`` prints the commands instead. Pages whose command is a Python script of this
folder need no help from here.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "docs" / "results"
# A fenced block, or a heading.
PARTS = re.compile(r"^```(?:sh)?\n(.*?)^```$|^(#+ [^\n]*)$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"(fqss-tf|cd|for) |\w+=")


def main() -> None:
    options = _arguments()
    found = list(commands((RESULTS / f"{options.page}.md").read_text("utf-8"), options.section))
    if not found:
        sys.exit(f"docs/results/{options.page}.md: no fqss-tf commands under that heading")
    script = "".join(found)
    if options.list:
        print(script, end="")
        return
    output = options.output or Path(options.page)
    output.mkdir(parents=True, exist_ok=False)
    for name, _, folder in (each.partition("=") for each in options.folder):
        (output / name).symlink_to(Path(folder).resolve(strict=True))
    sys.exit(subprocess.run(["bash", "-exuc", script], cwd=output).returncode)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("page", choices=sorted(path.stem for path in RESULTS.glob("*.md")))
    add("--section", default="", help="only under the heading that holds these words")
    add("--output", type=Path, help="new folder to run in")
    add("--folder", action="append", default=[], metavar="NAME=DIR", help="a data set of the page")
    add("--list", action="store_true", help="print the commands and run nothing")
    return parser.parse_args()


def commands(page: str, section: str = "") -> Iterator[str]:
    """Yields the blocks of fqss-tf commands of a page; a block of output is none.

    Args:
        page: its Markdown.
        section: words that the last heading before a block must hold.
    """
    heading = ""
    for part in PARTS.finditer(page):
        block, title = part.groups()
        if title:
            heading = title
        elif section in heading and COMMAND.match(block) and "fqss-tf" in block:
            yield block


if __name__ == "__main__":
    main()
