"""Published noise suppressors beside our models, on the same mixtures. Makes docs/results/peers.md.

    python benchmarks/peers.py --data DIR --output OUT [--models voice.tflite ...]

DIR is a data set of a voice and a background at 16 kHz, with a list of test mixtures. Installs the
peers into an environment in OUT, with pip and from their repositories (``--repository NAME=DIR``
takes one that is there already), and runs each on one thread. Prints the table and writes
OUT/results.json. What is there already is not done again.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import soundfile

from fqss_tf.benchmark.machine import describe
from fqss_tf.errors import FqssError
from fqss_tf.evaluation import libraries, load_mixtures
from fqss_tf.files import atomic_path
from fqss_tf.metrics import si_sdr
from fqss_tf.progress import bar
from fqss_tf.runtime.separator import Separator
from fqss_tf.runtime.streaming import StreamingSeparator
from fqss_tf.tflite.file import TfliteFile
from fqss_tf.types import FloatArray, Json, Sources

RATE = 16000
LONGEST_DELAY = RATE // 10
LEVELS = ((-np.inf, 0.0), (0.0, 10.0), (10.0, np.inf))
WORKER = Path(__file__).with_name("peer_worker.py")
PACKAGES = (
    "numpy", "soundfile", "soxr", "ai-edge-litert", "onnxruntime", "pyrnnoise==0.4.5",
    "webrtc-noise-gain==1.3.0",
)
REPOSITORIES = {
    "DTLN": "https://github.com/breizhn/DTLN",
    "gtcrn": "https://github.com/Xiaobin-Rong/gtcrn",
    "ul-unas": "https://github.com/Xiaobin-Rong/ul-unas",
}
# name -> (repository, samples that it takes at once, what its numbers are)
PEERS = {
    "webrtc": ("", 160, "no network"),
    "rnnoise": ("", 160, "float32"),
    "dtln": ("DTLN", 128, "float32"),
    "dtln-8-bit": ("DTLN", 128, "8-bit weights"),
    "gtcrn": ("gtcrn", 512, "float32"),
    "ul-unas": ("ul-unas", 512, "float32"),
}


def main() -> None:
    options = _arguments()
    output = options.output.resolve()
    mixtures, rate = load_mixtures(options.data)
    if rate != RATE:
        raise FqssError(f"{options.data}: has {rate} Hz, but the peers take {RATE} Hz")
    mixtures = mixtures[: options.mixtures]
    voices = [sources[0] for _, _, _, sources in mixtures]
    heard = [mixture for _, _, mixture, _ in mixtures]
    python = _environment(output)
    _write(output / "mixtures", mixtures)
    rows = [_row("the mixture itself", heard, heard, voices, {})]
    for model in options.models:
        found, facts = _ours(model, heard)
        rows.append(_row(Path(model).stem, found, heard, voices, facts))
    repositories = dict(each.split("=", 1) for each in options.repository)
    for name, (repository, frame, numbers) in PEERS.items():
        folder = _repository(output, repository, repositories) if repository else output
        estimates, facts = _peer(python, name, folder, output)
        delay = _delay(estimates, heard)
        aligned = [
            each[delay : delay + len(voice)] for each, voice in zip(estimates, voices, strict=True)
        ]
        facts |= {"latency": delay + frame, "numbers": numbers}
        rows.append(_row(name, aligned, heard, voices, facts))
    results = {"machine": describe(), "mixtures": len(mixtures), "rows": rows}
    with atomic_path(output / "results.json") as temporary:
        temporary.write_text(json.dumps(results, indent=1))
    print(table(rows))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--data", required=True, type=Path, help="with test mixtures of voice and background")
    add("--output", required=True, type=Path)
    add("--models", nargs="*", default=[], help=".tflite files whose first source is the voice")
    add("--repository", action="append", default=[], metavar="NAME=DIR")
    add("--mixtures", type=int, help="only so many of the test mixtures")
    return parser.parse_args()


def _environment(output: Path) -> Path:
    """Makes the environment of the peers."""
    python = output / "environment" / "bin" / "python"
    done = output / "environment" / "installed"
    if not done.exists():
        subprocess.run([sys.executable, "-m", "venv", output / "environment"], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
        done.touch()
    return python


def _repository(output: Path, name: str, given: dict[str, str]) -> Path:
    if name in given:
        return Path(given[name]).resolve()
    folder = output / "repositories" / name
    if not folder.exists():
        folder.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
            cloned = Path(temporary) / name
            command = ["git", "clone", "--quiet", "--depth", "1", REPOSITORIES[name], cloned]
            subprocess.run(command, check=True)
            cloned.rename(folder)
    return folder


def _write(folder: Path, mixtures: Sequence) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if {path.stem for path in folder.glob("*.wav")} - {name for name, *_ in mixtures}:
        raise FqssError(f"{folder}: holds other mixtures, too; give another --output")
    for name, _, mixture, _ in mixtures:
        path = folder / f"{name}.wav"
        if not path.exists():
            with atomic_path(path) as temporary:
                soundfile.write(temporary, mixture, RATE, subtype="FLOAT", format="WAV")


def _peer(python: Path, name: str, repository: Path, output: Path) -> tuple[list, Json]:
    """Estimates of the voice, which may be late, and what the worker says."""
    folder = output / "estimates" / name
    said = folder / "said.json"
    if not said.exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = [python, WORKER, name, repository, output / "mixtures", folder]
        found = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        with atomic_path(said) as temporary:
            temporary.write_text(found.stdout.splitlines()[-1])
    paths = sorted((output / "mixtures").glob("*.wav"))
    return [soundfile.read(folder / each.name)[0] for each in paths], json.loads(said.read_text())


def _delay(estimates: Sequence[FloatArray], heard: Sequence[FloatArray]) -> int:
    """By how many samples the estimates are late: where they match the mixtures best."""
    total = np.zeros(LONGEST_DELAY)
    for estimate, mixture in zip(estimates, heard, strict=True):
        size = 2 ** int(np.ceil(np.log2(len(estimate) + len(mixture))))
        product = np.fft.rfft(estimate, size) * np.conj(np.fft.rfft(mixture, size))
        total += np.fft.irfft(product)[:LONGEST_DELAY]
    return int(np.argmax(total))


def _ours(model: str, heard: Sequence[FloatArray]) -> tuple[list[FloatArray], Json]:
    file = TfliteFile.open(model)
    if file.metadata.sample_rate != RATE:
        raise FqssError(f"{model}: is for {file.metadata.sample_rate} Hz, but this is {RATE} Hz")
    streams = file.metadata.is_streaming
    separator = StreamingSeparator(file) if streams else Separator(file)
    separate: Callable[[FloatArray], dict[str, Sources]] = (
        separator.separate if streams else lambda mixture: separator(mixture, RATE)
    )
    estimates, seconds = [], 0.0
    with bar(Path(model).stem, len(heard)) as shown:
        for mixture in heard:
            began = time.process_time()
            voice = next(iter(separate(mixture).values()))
            seconds += time.process_time() - began
            estimates.append(voice)
            shown.update(1)
    return estimates, {
        "seconds": seconds, "bytes": len(file.content), "numbers": "int8",
        "latency": separator.latency if streams else None,
    }


def _row(
    name: str, estimates: Sequence[FloatArray], heard: Sequence[FloatArray],
    voices: Sequence[FloatArray], facts: Json,
) -> Json:
    at_input = np.array([si_sdr(*pair) for pair in zip(heard, voices, strict=True)])
    scores = np.array([si_sdr(*pair) for pair in zip(estimates, voices, strict=True)])
    gains = scores - at_input
    audio = sum(map(len, heard)) / RATE
    return {
        "name": name, "si_sdr": float(scores.mean()), "si_sdri": float(gains.mean()),
        "si_sdri_by_input": [
            float(np.mean(gains[(at_input >= low) & (at_input < high)])) for low, high in LEVELS
        ],
        **dict(_others(estimates, voices)), **facts,
        "real_time_factor": facts["seconds"] / audio if facts else None,
    }


def _others(
    estimates: Sequence[FloatArray], voices: Sequence[FloatArray]
) -> Iterator[tuple[str, float]]:
    """Scores by the libraries of the extra ``metrics``."""
    for name, score in libraries.OF_SPEECH.items():
        pairs = zip(estimates, voices, strict=True)
        yield name, float(np.nanmean([score(one, other, RATE) for one, other in pairs]))


def table(rows: Sequence[Json]) -> str:
    """The results as a Markdown table."""
    lines = [
        "| | SI-SDR improvement (dB) | at input below 0 / 0 to 10 / above 10 dB | STOI | PESQ | "
        "DNSMOS | real-time factor | latency (ms) | kB | numbers |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---|",
    ]
    for row in rows:
        by_input = " / ".join(f"{gain:.1f}" for gain in row["si_sdri_by_input"])
        line = (
            f"| {row['name']} | {row['si_sdri']:.2f} | {by_input} | {row['stoi']:.3f} "
            f"| {row['pesq']:.2f} | {row['dnsmos']:.2f} |"
        )
        if row["real_time_factor"] is not None:
            latency = row["latency"]
            line += (
                f" {row['real_time_factor']:.3f} "
                f"| {'whole file' if latency is None else f'{latency / RATE * 1000:.0f}'} "
                f"| {row['bytes'] / 1000:.0f} | {row['numbers']} |"
            )
        else:
            line += " | | | |"
        lines.append(line)
    return "\n".join(lines)


if __name__ == "__main__":
    try:
        main()
    except FqssError as error:
        sys.exit(str(error))
