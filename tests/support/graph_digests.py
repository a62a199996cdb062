"""Digests of the graphs of five recipes with random weights: a change of the code that is none of
what it computes leaves them as they are.

    python tests/support/graph_digests.py before.json    writes them if the file is not there yet,
                                                         else compares

Compare on one machine only: the last digits of floats differ between processors.
"""

import hashlib
import json
import sys
import tempfile
from pathlib import Path

from fqss_tf.config import load_recipe
from fqss_tf.export.convert import convert
from fqss_tf.runs.untrained import UntrainedRun
from fqss_tf.tflite.flatbuffer import pack_model, read_model

RECIPES = {
    "quickstart": {}, "two-voices": {}, "two-voices-stream": {"stream": True}, "convtasnet": {},
    "sepformer-mobile": {},
}
SECONDS = 0.25


def digest(path: Path) -> str:
    """SHA-256 of a .tflite without its metadata."""
    model = read_model(path.read_bytes())
    for entry in model.metadata:
        model.buffers[entry.buffer].data = None
    model.metadata = None
    return hashlib.sha256(pack_model(model)).hexdigest()


def digests() -> dict[str, str]:
    """Recipe -> digest of its int8 graph."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, options in RECIPES.items():
            path = Path(folder) / f"{name}.tflite"
            seconds = None if options.get("stream") else SECONDS
            convert(UntrainedRun(load_recipe(name)), path, seconds=seconds, **options)
            found[name] = digest(path)
            print(name, found[name], flush=True)
    return found


def main() -> None:
    expected = Path(sys.argv[1])
    found = digests()
    if not expected.exists():
        expected.write_text(json.dumps(found, indent=1))
        return
    before = json.loads(expected.read_text())
    differing = [name for name in RECIPES if before[name] != found[name]]
    sys.exit(f"other graphs than before: {', '.join(differing)}" if differing else None)


if __name__ == "__main__":
    main()
