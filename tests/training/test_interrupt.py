import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from fqss_tf.training.interrupt import Interrupt


@pytest.fixture(params=[signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def number(request):
    """A signal that is not ignored, whoever started the tests."""
    before = signal.signal(request.param, signal.SIG_DFL)
    yield request.param
    signal.signal(request.param, before)


def test_the_first_signal_is_noted_and_answered_the_second_ends(number, logged):
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), Interrupt("float: saving") as interrupt:
        assert not interrupt.happened
        os.kill(os.getpid(), number)
        assert interrupt.happened
        assert logged() == ["float: saving; a second time ends at once"]
        os.kill(os.getpid(), number)
        pytest.fail("the second signal ended nothing")
    assert signal.getsignal(number) is before


def test_it_ends_as_without_it():
    """So that the exit code is that of the signal."""

    class Ended(BaseException):
        pass

    def end(number, frame):
        raise Ended

    before = signal.signal(signal.SIGTERM, end)
    try:
        with pytest.raises(Ended), Interrupt("saving") as interrupt:
            os.kill(os.getpid(), signal.SIGTERM)
            interrupt.end()
    finally:
        signal.signal(signal.SIGTERM, before)


def test_an_ignored_signal_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interrupt("saving") as interrupt:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not interrupt.happened
    finally:
        signal.signal(signal.SIGHUP, before)


def test_another_thread_trains_without_it():
    def enter():
        with Interrupt("float: saving") as interrupt:
            return interrupt.happened

    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(enter).result() is False
