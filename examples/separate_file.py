"""Separates a recording into one WAV file for each source, such as voice and background.

    python examples/separate_file.py meeting.wav

The files go into the folder ``separated``. Any length, rate and number of channels will do.
"""

import sys
from pathlib import Path

from fqss_tf import Separator


def main(recording: str, folder: str = "separated") -> None:
    """Writes a WAV file for each source of ``recording`` into ``folder``."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    with Separator() as separator:  # the model that ships; or Separator("my_model.tflite")
        targets = {
            name: Path(folder) / f"{Path(recording).stem}_{name}.wav"
            for name in separator.metadata.sources
        }
        report = separator.separate_file(recording, targets)
    for name, path in report["outputs"].items():
        print(f"{name}: {path}, {report['clipped'][name]} samples clipped")


if __name__ == "__main__":
    main(*sys.argv[1:])
