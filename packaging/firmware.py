"""Puts the package for microcontrollers of a model that ships beside it.

    python packaging/firmware.py NAME

Writes tflite_models/NAME.zip: what ``fqss-tf convert NAME --stream --target micro`` writes.
Needs the extra ``mcu``, which tells the size of TFLite Micro's arena.
"""

import argparse
import tempfile
import zipfile
from pathlib import Path

from fqss_tf.files import atomic_path
from fqss_tf.micro.package import write_package
from fqss_tf.tflite.file import TfliteFile

FOLDER = Path(__file__).parents[1] / "tflite_models"
THE_SAME_EVERY_DAY = (1980, 1, 1, 0, 0, 0)


def main() -> None:
    """Writes the archive."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("name")
    name = parser.parse_args().name
    with tempfile.TemporaryDirectory() as scratch:
        package = write_package(TfliteFile.open(name), Path(scratch) / name)
        if package.arena is None:
            raise SystemExit("the arena is not known: pip install fqss-tf[mcu]")
        archive = FOLDER / f"{name}.zip"
        with atomic_path(archive) as temporary, zipfile.ZipFile(temporary, "w") as file:
            for path in sorted(package.path.rglob("*")):
                if path.is_file():
                    place = path.relative_to(scratch).as_posix()
                    entry = zipfile.ZipInfo(place, THE_SAME_EVERY_DAY)
                    entry.external_attr = 0o644 << 16
                    file.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, 9)
    print(f"{archive.name}: {archive.stat().st_size} bytes")


if __name__ == "__main__":
    main()
