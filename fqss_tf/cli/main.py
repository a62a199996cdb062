"""The command line. Subcommands are imported when they run, so that --help is instant."""

import contextlib
import difflib
import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import click

from fqss_tf import __version__
from fqss_tf.cli import standard_streams
from fqss_tf.cli.progress import show_messages_and_bars
from fqss_tf.cli.signals import Ended, ended_in_order
from fqss_tf.cli.standard_streams import say
from fqss_tf.errors import FqssError

SUBCOMMANDS = {
    "data": "Check, make and describe data sets.",
    "train": "Train a float network, then quantize and train it in 8 bits.",
    "import": "Make a run folder of a published checkpoint.",
    "convert": "Convert a run folder to a .tflite file.",
    "evaluate": "Score run folders and .tflite files on a data set.",
    "long": "Show what it costs to cut long recordings into segments.",
    "models": "List the models that ship.",
    "separate": "Separate audio files, a stream or the microphone.",
    "analyze": "Show how much quantization noise costs, and where it comes from.",
    "inspect": "List the ops of a .tflite file and how they will run.",
    "benchmark": "Time models side by side, here or on a phone.",
    "quickstart": "Train, convert and score a small model in minutes.",
}


class _Mistake(click.ClickException):
    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        say(f"error: {' '.join(self.message.split())}")


class _Interrupted(click.ClickException):
    exit_code = 130

    def show(self, file: IO[Any] | None = None) -> None:
        say("interrupted")


class LazyGroup(click.Group):
    """Finds the subcommand NAME in ``fqss_tf.cli.NAME.command``; makes mistakes one plain line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names the subcommands in the order of --help."""
        return list(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Imports a subcommand; None where there is none of that name."""
        if name not in SUBCOMMANDS:
            return None
        command: click.Command = importlib.import_module(f"fqss_tf.cli.{name}").command
        _add_verbose(command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Finds the subcommand; one that is not there is a mistake that names a near one."""
        near = difflib.get_close_matches(args[0], SUBCOMMANDS, n=1)
        if near and args[0] not in SUBCOMMANDS and not args[0].startswith("-"):
            ctx.fail(f"no command {args[0]!r}: did you mean {near[0]!r}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes names and one line each, without importing the subcommands."""
        with formatter.section("Commands"):
            formatter.write_dl(list(SUBCOMMANDS.items()))

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Reads the arguments of the group itself.

        Raises:
            click.ClickException: a mistake in them, in one line.
        """
        with _in_one_line():
            standard_streams.prepare()
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the subcommand.

        Raises:
            click.ClickException: what users can mend, or Ctrl-C; click prints it in one line.
        """
        with _in_one_line(), ended_in_order():
            return super().invoke(ctx)


@contextlib.contextmanager
def _in_one_line() -> Iterator[None]:
    """Turns what users can mend, or have asked for, into one line and an exit code."""
    try:
        yield
    except click.exceptions.NoArgsIsHelpError:
        raise
    except click.UsageError as error:
        name = error.ctx.command_path if error.ctx else "fqss-tf"
        message = error.format_message().rstrip(".").replace(". Did you", ": did you")
        see = f" See {name} --help" if message.endswith("?") else f"; see {name} --help"
        raise _Mistake(f"{message[:1].lower()}{message[1:]}{see}") from error
    except FqssError as error:
        raise _Mistake(str(error)) from error
    except ModuleNotFoundError as error:
        if not error.name or error.name.split(".")[0] == "fqss_tf":
            raise
        raise _Mistake(
            f"this command needs the package {error.name}, which is not installed: "
            "fqss-tf brings it, fqss-tf-runtime does not"
        ) from error
    except OSError as error:
        raise _Mistake(_reason(error)) from error
    except (KeyboardInterrupt, click.Abort) as error:
        raise _Interrupted("") from error
    except Ended as error:
        say(f"ended by {error.name}")
        raise


def _reason(error: OSError) -> str:
    """What the operating system refused, and where."""
    try:
        Path.cwd()
    except OSError:
        return "the working folder is gone or closed to you: go to another one"
    reason = error.strerror or str(error)
    return reason if error.filename is None else f"{os.fsdecode(error.filename)}: {reason}"


def _add_verbose(command: click.Command) -> None:
    """Gives a command, or those of a group, the option that every command has."""
    if isinstance(command, click.Group):
        for each in command.commands.values():
            _add_verbose(each)
    elif all(option.name != "verbose" for option in command.params):
        command.params.append(click.Option(
            ["--verbose"], is_flag=True, expose_value=False, callback=_show_libraries,
            help="Also show what TensorFlow, LiteRT and decoders write to stderr.",
        ))


def _show_libraries(context: click.Context, option: click.Parameter, is_given: bool) -> None:
    if is_given:
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "0"
        standard_streams.show_libraries()


@click.group("fqss-tf", cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
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
