"""Recordings as people have them, through the product. Makes the table of docs/results/everyday.md.

    python benchmarks/everyday [--before COMMIT] [PART OF A NAME...]

Each function with ``@case`` makes files, mostly of 12 s of bundled voices, and says what became
of them. Cases that need ffmpeg are left out without it. With --before, the package as it was at
that commit gets the same cases, and its results stand in a column of their own.
"""

import argparse
import contextlib
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from common import CASES

MODULES = ("lengths", "formats", "channels", "arrays", "commands", "levels")
HERE = Path(__file__).resolve().parent
LIMIT_SECONDS = 600

for module in MODULES:
    importlib.import_module(module)


def result(name):
    with tempfile.TemporaryDirectory() as folder:
        # Where the files of the case lie is of no interest.
        return CASES[name](Path(folder)).replace(f"{folder}/", "")


def result_of(package, name):
    """By the package in another folder, in a process of its own: it may hang or end anyhow."""
    command = [sys.executable, HERE, "--only", name]
    environment = os.environ | {"PYTHONPATH": str(package)}
    try:
        done = subprocess.run(command, env=environment, cwd=package, capture_output=True,
                              text=True, timeout=LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        return f"no end after {LIMIT_SECONDS} s"
    if done.returncode:
        return f"a traceback: {done.stderr.strip().splitlines()[-1]}"
    return done.stdout.strip().replace("\n", " ")


@contextlib.contextmanager
def work_tree(commit):
    with tempfile.TemporaryDirectory() as folder:
        git = ["git", "-C", HERE, "worktree"]
        place = Path(folder) / "package"
        subprocess.run([*git, "add", "-q", "--detach", place, commit], check=True)
        try:
            yield place
        finally:
            subprocess.run([*git, "remove", "--force", place], check=True)


def table(wanted, before):
    """Prints a row per case; ``before`` is the folder of a former package or None."""
    columns = ["case", "result"] if before is None else ["case", "before", "now"]
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for name in CASES:
        if not all(word in name for word in wanted):
            continue
        if "(ffmpeg)" in name and shutil.which("ffmpeg") is None:
            continue
        cells = [name, result(name)]
        if before is not None:
            cells.insert(1, result_of(before, name))
        print(f"| {' | '.join(cells)} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wanted", nargs="*", metavar="PART OF A NAME")
    parser.add_argument("--before", metavar="COMMIT")
    parser.add_argument("--only", metavar="CASE", help="print the result of one case and no table")
    options = parser.parse_args()
    if options.only:
        print(result(options.only))
    elif options.before:
        with work_tree(options.before) as package:
            table(options.wanted, package)
    else:
        table(options.wanted, None)


if __name__ == "__main__":
    main()
