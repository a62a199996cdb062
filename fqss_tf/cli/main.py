"""The command line. Subcommands are imported when they run, so that --help is instant."""

import importlib
import os
import sys
from typing import IO, Any

import click

from fqss_tf import __version__
from fqss_tf.cli.progress import show_messages_and_bars
from fqss_tf.errors import FqssError

SUBCOMMANDS = {
    "data": "Check, make and describe data sets.",
    "train": "Train a float network, then quantize and train it in 8 bits.",
    "import": "Make a run folder of a PyTorch checkpoint.",
    "convert": "Convert a run folder to a .tflite file.",
    "evaluate": "Score run folders and .tflite files on a data set.",
    "long": "Show what it costs to cut long recordings into segments.",
    "separate": "Separate audio files, a stream or the microphone.",
    "analyze": "Show how much quantization noise costs, and where it comes from.",
    "inspect": "List the ops of a .tflite file and how they will run.",
    "benchmark": "Time models side by side, here or on a phone.",
    "quickstart": "Train, convert and score a small model in minutes.",
}


class _Mistake(click.ClickException):
    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"error: {self.message}", err=True)


class _Interrupted(click.ClickException):
    exit_code = 130

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo("interrupted", err=True)


class LazyGroup(click.Group):
    """Finds the subcommand NAME in ``fqss_tf.cli.NAME.command``; makes mistakes one plain line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names the subcommands in the order of --help."""
        return list(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Imports a subcommand; None where there is none of that name."""
        if name not in SUBCOMMANDS:
            return None
        return importlib.import_module(f"fqss_tf.cli.{name}").command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes names and one line each, without importing the subcommands."""
        with formatter.section("Commands"):
            formatter.write_dl(list(SUBCOMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the subcommand.

        Raises:
            click.ClickException: what users can mend, or Ctrl-C; click prints it in one line.
        """
        try:
            return super().invoke(ctx)
        except FqssError as error:
            raise _Mistake(" ".join(str(error).split())) from error
        except ModuleNotFoundError as error:
            if not error.name or error.name.split(".")[0] == "fqss_tf":
                raise
            raise _Mistake(
                f"this command needs the package {error.name}, which is not installed: "
                "fqss-tf brings it, fqss-tf-runtime does not"
            ) from error
        except (KeyboardInterrupt, click.Abort) as error:
            raise _Interrupted("") from error


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="fqss-tf")
def main() -> None:
    """Separate the voices in a recording with 8-bit integers only.

    To begin: fqss-tf separate talk.wav
    """
    # TensorFlow reads it when it is imported, and is talkative otherwise.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    show_messages_and_bars()


if __name__ == "__main__":
    sys.exit(main())
