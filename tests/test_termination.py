"""SIGTERM as a Ctrl-C."""

import signal
import threading

import pytest

from nas_ray.termination import Termination


@pytest.fixture
def on_interrupt():
    """Set a handler of SIGINT for one test."""
    before = signal.getsignal(signal.SIGINT)
    yield lambda handler: signal.signal(signal.SIGINT, handler)
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("handler", [signal.default_int_handler, signal.SIG_IGN])
def test_it_interrupts_also_where_ctrl_c_is_ignored(on_interrupt, handler):
    on_interrupt(handler)
    before, termination = signal.getsignal(signal.SIGTERM), Termination()
    with pytest.raises(KeyboardInterrupt), termination:
        signal.raise_signal(signal.SIGTERM)
    assert (termination.received, termination.exit_code) == (True, 143)
    assert signal.getsignal(signal.SIGTERM) == before


def test_who_handles_ctrl_c_handles_it(on_interrupt):
    told = []
    on_interrupt(lambda number, frame: told.append(number))
    with Termination():
        signal.raise_signal(signal.SIGTERM)
    assert told == [signal.SIGINT]


def test_in_another_thread_nothing_changes():
    before, seen = signal.getsignal(signal.SIGTERM), []

    def run():
        with Termination() as termination:
            seen.extend([signal.getsignal(signal.SIGTERM), termination.exit_code])

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [before, 130]
