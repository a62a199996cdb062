import io
import logging
import re
import subprocess
import sys
from contextlib import redirect_stderr

import pytest

from fqss_tf.cli import progress
from fqss_tf.cli.progress import progress_bar, steps_bar


@pytest.fixture
def clock(monkeypatch):
    """Function that moves the clock on by so many seconds."""
    now = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])

    def wait(seconds):
        now[0] += seconds

    return wait


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_log_gets_a_line_a_minute(clock, capsys):
    with progress_bar("talk.wav") as show:
        show(0, 100)
        for done in range(1, 101):
            clock(6)
            show(done, 100)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 10
    assert lines[0] == "talk.wav: 10 %, 9 min left"
    assert lines[-2:] == ["talk.wav: 90 %, 1 min left", "talk.wav: 100 %, less than a minute left"]


def test_short_work_is_silent_in_a_log(clock, capsys):
    with progress_bar("talk.wav") as show:
        clock(59)
        show(1, 1)
    assert capsys.readouterr().err == ""


def test_steps_of_an_earlier_program_took_no_time(clock, capsys):
    with steps_bar("float", 10000) as shown:
        shown.update(9000)
        for _ in range(10):
            clock(60)
            shown.update(1, "loss 1.00")
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1] == "float: 90 %, 16 h 30 min left, loss 1.00"


@pytest.mark.parametrize("shares", [
    [0.1, 0.2, 0.30001, 0.999, 1.0],
    [0.5, 0.4, 0.93, 0.89, 1.0],
    [k / 700 for k in range(701)],
    [0.3, 1.7],
])
def test_a_bar_shows_the_share_and_never_less(shares):
    with redirect_stderr(Terminal()) as terminal, progress_bar("4 files") as show:
        for share in shares:
            show(share * 4, 4)
    percents = [int(found) for found in re.findall(r"(\d+)%", terminal.getvalue())]
    assert percents == sorted(percents)
    assert percents[-1] == 100
    assert all(percent <= 100 * max(1, *shares) for percent in percents)


def test_a_message_does_not_stand_behind_a_bar():
    progress.show_messages_and_bars()
    with redirect_stderr(Terminal()) as terminal:
        logging.getLogger("fqss_tf").info("a message")
    assert "\r\x1b[Ka message" in terminal.getvalue()


def test_a_message_is_shown_once_after_others_have_logged():
    code = (
        "import logging; from fqss_tf.cli import progress; progress.show_messages_and_bars();"
        "logging.warning('of TensorFlow'); logging.getLogger('fqss_tf.x').info('of ours')"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stderr == "of ours\n"
