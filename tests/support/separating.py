"""What the tests of ``fqss-tf separate`` share."""

import shutil

import numpy as np
from click.testing import CliRunner

from fqss_tf.cli.main import main


def run(*arguments):
    return CliRunner().invoke(main, ["separate", *map(str, arguments)])


def tone(samples, channels=1):
    wave = 0.5 * np.sin(np.arange(samples) / 9)
    return np.repeat(wave[:, np.newaxis], channels, axis=1)


def assert_refused(result, output, message):
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ") and message in line
    assert not output.exists()


def copied(source, *places):
    for place in places:
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, place)
    return places


def results(output):
    return sorted(
        str(path.relative_to(output)).removesuffix("_speech_1.wav")
        for path in output.rglob("*_speech_1.wav")
    )
