"""python killed_run.py FOLDER: trains FOLDER/whole, and FOLDER/killed with twenty kill -9.

Each time it is a new process, a fork, so that TensorFlow is imported only once. It must not compute
before the fork.
"""

import os
import random
import runpy
import signal
import sys
import threading
import traceback
from pathlib import Path

from fqss_tf.config import StageRecipe
from fqss_tf.training import loop, schedules  # noqa: F401  (imports TensorFlow once)

Micro = runpy.run_path(str(Path(__file__).with_name("conftest.py")))["Micro"]
KILLS = 20
STEPS_AFTER_A_KILL = 120  # take longer than the longest delay, or the run would end before
STAGE = StageRecipe(
    steps=300, batch_size=2, learning_rate=0.01, schedule="plateau", patience=0, evaluate_every=4,
    ema_decay=0.5,
)


def kill_itself(last_step, seconds):
    """Arranges for a kill so many seconds after ``last_step``, or the first one behind it, began.

    The process before this one may have come further than ``last_step``.
    """
    rate = schedules.learning_rate

    def learning_rate(stage, step, factor):
        if step >= last_step:
            threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL)).start()
        return rate(stage, step, factor)

    schedules.learning_rate = learning_rate


def train(folder, kill=None):
    """Trains in a process of its own, resuming; returns the signal that ended it, 0 if none."""
    child = os.fork()
    if child == 0:
        try:
            if kill:
                kill_itself(*kill)
            micro = Micro(folder)
            micro.fit(micro.model(batch_norm=True), STAGE, resume=True)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        sys.exit("training failed")
    return os.WTERMSIG(status)


def main(folder):
    train(folder / "whole")
    rng = random.Random(0)
    kills = 0
    for step in sorted(rng.sample(range(STAGE.steps - STEPS_AFTER_A_KILL), KILLS)):
        kills += train(folder / "killed", (step, rng.uniform(0, 0.015))) == signal.SIGKILL
    train(folder / "killed")
    print(kills, "kills")
    sys.exit(kills != KILLS)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
