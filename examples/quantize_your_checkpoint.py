"""Converts a network that was trained in PyTorch to an int8 .tflite, without training it.

    python examples/quantize_your_checkpoint.py model.pth speech/ model_int8.tflite

``model.pth`` is a checkpoint of asteroid, speechbrain or FQSS: a PyTorch file, .safetensors or
.npz. ``speech`` is a folder of recordings like those that the network will hear. PyTorch is not
needed.
"""

import argparse
import tempfile
from pathlib import Path

from fqss_tf import Run, convert
from fqss_tf.importing.importer import import_checkpoint


def main() -> None:
    """Imports the checkpoint, measures the ranges on the recordings and writes the file."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkpoint", help="of a published layout")
    parser.add_argument("recordings", help="folder of recordings, at any depth and rate")
    parser.add_argument("output", help="the .tflite file")
    parser.add_argument("--rate", type=int, help="Hz, if the checkpoint does not tell")
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE",
                        help="change a recipe key, such as quantization.calibration_steps=20")
    parser.add_argument("--least-sqnr", type=float, help="dB that the file must reach")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        imported = import_checkpoint(
            options.checkpoint, run, rate=options.rate, settings=options.settings
        )
        print(f"{imported.layout}; assumed: {imported.assumed or 'nothing'}")
        convert(
            Run(run), options.output, ptq=True, planes=2, calibration=options.recordings,
            least_sqnr=options.least_sqnr,
        )
    print(f"{options.output}: {Path(options.output).stat().st_size} bytes")


if __name__ == "__main__":
    main()
