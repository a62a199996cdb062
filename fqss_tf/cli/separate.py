"""fqss-tf separate: audio files in, one file per source out."""

import contextlib
import json
from pathlib import Path

import click

from fqss_tf.cli.progress import progress_bar
from fqss_tf.errors import FqssError
from fqss_tf.files import atomic_path


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("files", metavar="FILE...", nargs=-1, required=True,
                type=click.Path(path_type=Path))
@click.option("--output", metavar="DIR", required=True, type=click.Path(path_type=Path),
              help="Folder for the separated files; made if missing.")
@click.option("--threads", default=1, show_default=True, type=click.IntRange(min=1),
              help="CPU threads.")
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
def command(model, files, output, threads, as_json):
    """Separate each audio FILE with MODEL, a .tflite, into DIR/<file>_<source>.wav.

    The results have the rate and the length of their input, one channel and 16 bits. Results of
    an earlier run are replaced.
    """
    from fqss_tf import audio
    from fqss_tf.runtime import Separator

    for path in files:
        audio.read(path)  # every input is known to be good before anything is written
    separator = Separator(model, threads)
    targets = _targets(files, output, separator.metadata.sources)
    reports = []
    with _folder(output):
        for path in files:
            waveform, rate = audio.read(path)
            with progress_bar(path.name) as progress:
                estimates = separator(waveform, rate, progress)
            clipped = _write_together(targets[path], estimates, rate)
            reports.append(_report(path, rate, len(waveform), targets[path], clipped))
    _show(reports, as_json)


def _targets(files, output, sources):
    """For each input the path of each source; refuses names that meet."""
    taken = {path.resolve(): f"the input {path}" for path in files}
    targets = {}
    for path in files:
        targets[path] = {name: output / f"{path.stem}_{name}.wav" for name in sources}
        for target in targets[path].values():
            if target.resolve() in taken:
                raise FqssError(
                    f"a result of {path} would replace {taken[target.resolve()]}: "
                    "rename a file or give another --output"
                )
            taken[target.resolve()] = f"a result of {path}"
    return targets


@contextlib.contextmanager
def _folder(output):
    """Makes the folder and takes it away again when a failure leaves it empty."""
    is_new = not output.exists()
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FqssError(f"cannot make the folder {output}: {error.strerror or error}") from error
    try:
        yield
    except BaseException:
        if is_new:
            with contextlib.suppress(OSError):
                output.rmdir()
        raise


def _write_together(targets, estimates, rate):
    """Writes all sources of one input or none; returns the clipped samples per source."""
    from fqss_tf.audio import encode

    clipped = {}
    with contextlib.ExitStack() as stack:
        for name, target in targets.items():
            content, clipped[name] = encode(estimates[name], rate)
            stack.enter_context(atomic_path(target)).write_bytes(content)
    return clipped


def _report(path, rate, samples, targets, clipped):
    return {
        "input": str(path),
        "rate": rate,
        "samples": samples,
        "outputs": {name: str(target) for name, target in targets.items()},
        "clipped": clipped,
    }


def _show(reports, as_json):
    if as_json:
        click.echo(json.dumps(reports, indent=2))
        return
    for report in reports:
        for name, target in report["outputs"].items():
            clipped = report["clipped"][name]
            click.echo(f"{target} ({clipped} samples clipped)" if clipped else target)
