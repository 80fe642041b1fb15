"""A worker that hangs, crashes, ends or floods is one failed run with its location."""

import gc
import os
import re
import signal
import time
from pathlib import Path

import pytest

from signalbot.sandbox.strategy_runner import StrategyRunner, WorkerDied, WorkerLimits
from signalbot.strategies.base import StrategyFailed
from tests.sandbox.strategy_fixtures import ask, running, tables, write

SHORT = WorkerLimits(deadline_s=1.0, memory_bytes=128 * 1024 * 1024)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("while True: pass", r"did not respond within 1 s\n(.*\n)*.*line \d+ in on_candle"),
        ("import time; time.sleep(20)", r"did not respond within 1 s\n(.*\n)*.*in on_candle"),
        ("import os; os._exit(3)", "ended itself with exit code 3"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "ended by SIGSEGV"),
        ("import ctypes; ctypes.string_at(0)", r"ended by SIGSEGV\n(.*\n)*.*in on_candle"),
        ("while True: print('x' * 1000)", "printed more than 1,048,576 bytes"),
        ("for _ in range(100): print('x' * 1_000_000)", "printed more than 1,048,576 bytes"),
    ],
)
def test_it_kills_its_own_worker_and_no_more(tmp_path: Path, body: str, why: str) -> None:
    """The next candle finds another one."""
    text = f"if candles.main.close[-1] > 1:\n    {body}\nreturn long('fine')"
    with running(write(tmp_path, text), limits=SHORT) as runner:
        assert ask(runner, tables(1.0))
        first = runner.pid
        with pytest.raises(WorkerDied) as caught:
            ask(runner)
        assert re.search(why, str(caught.value)), str(caught.value)
        assert first is not None
        assert not is_alive(first)
        assert ask(runner, tables(1.0))
        assert runner.pid != first


@pytest.mark.parametrize("body", ["import sys; sys.exit(1)", "raise KeyboardInterrupt", "1 / 0"])
def test_an_exception_is_reported_with_its_line_and_the_worker_continues(
    tmp_path: Path, body: str
) -> None:
    """For every exception; lines outside the strategy are left out."""
    with running(write(tmp_path, body)) as runner:
        with pytest.raises(
            StrategyFailed, match=r"(?s)^\w+.*own\.py.*line 6, in on_candle"
        ) as caught:
            ask(runner)
        assert "serve.py" not in str(caught.value)
        pid = runner.pid
        with pytest.raises(StrategyFailed):
            ask(runner)
        assert runner.pid == pid


def test_one_that_answers_twice_or_out_of_turn_is_not_believed(tmp_path: Path) -> None:
    """A forged frame on the answer pipe ends the worker that wrote it."""
    forged = """
        import os, struct
        text = b'{"number": 1, "idea": null}'
        for end in range(3, 64):
            try: os.write(end, struct.pack("<II", len(text), 0) + text)
            except OSError: pass
    """
    with (
        running(write(tmp_path, forged)) as runner,
        pytest.raises(
            (WorkerDied, StrategyFailed), match=r"more than one response|response is to request"
        ),
    ):
        _evaluate_thrice(runner)


def _evaluate_thrice(runner: StrategyRunner) -> None:
    for _ in range(3):
        ask(runner)


def test_a_worker_computes_nothing_between_candles(tmp_path: Path) -> None:
    """It is frozen: a timer that it left behind does not ring."""
    body = """
        import signal
        signal.signal(signal.SIGALRM, lambda *_: None)
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        return None
    """
    with running(write(tmp_path, body)) as runner:
        ask(runner)
        place = Path(f"/proc/{runner.pid}/stat")
        while place.read_text().rpartition(") ")[2][0] not in "Tt":
            time.sleep(0.001)  # a signal takes its time; the test's own limit ends the wait


def test_no_worker_is_left_behind(tmp_path: Path) -> None:
    """Resting ends the process and gives its descriptors back."""
    gc.collect()  # what earlier tests have left open must not close in between
    before = set(os.listdir("/proc/self/fd"))
    with running(write(tmp_path, "return None")) as runner:
        ask(runner)
        pid = runner.pid
        assert pid is not None
        assert is_alive(pid)
    assert not is_alive(pid)
    del runner  # and with it the strategy's folder
    assert set(os.listdir("/proc/self/fd")) == before


def test_output_is_captured_line_by_line_and_bounded(tmp_path: Path) -> None:
    """Twenty lines a candle, none of them able to look like another line of the log."""
    said: list[str] = []
    body = r"""
        import logging
        print("one\x1b[31m\rtwo")
        logging.getLogger("own").warning("careful")
        for number in range(100): print(number)
        print("y" * 10_000)
    """
    with running(write(tmp_path, body), say=said.append) as runner:
        ask(runner)
        ask(runner)
    assert r"one\x1b[31m\rtwo" in said
    assert any("careful" in line for line in said)
    assert said[20] == "(and 83 more lines)"
    assert max(map(len, said)) <= 500


def test_a_killed_worker_is_reported_as_killed(tmp_path: Path) -> None:
    """The kernel may kill it, too, when memory runs out."""
    with running(write(tmp_path, "return None")) as runner:
        ask(runner)
        assert runner.pid is not None
        os.kill(runner.pid, signal.SIGKILL)
        with pytest.raises(WorkerDied, match="SIGKILL"):
            ask(runner)
