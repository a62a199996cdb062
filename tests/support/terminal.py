"""The program in front of a terminal."""

import os
import pty
import subprocess
import sys


def seen_on_terminal(*arguments):
    """What ``fqss-tf`` with these arguments writes to stderr where that is a terminal."""
    terminal, process_side = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "fqss_tf.cli.main", *map(str, arguments)],
        stderr=process_side, stdout=subprocess.DEVNULL,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "80"},
    ) as process:
        assert process.wait(60) == 0
    os.close(process_side)
    seen = os.read(terminal, 100000).decode()
    os.close(terminal)
    return seen
