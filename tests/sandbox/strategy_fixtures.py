"""Strategy files to try things with, and candles to show them."""

import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.sandbox.strategy_runner import StrategyFile, StrategyRunner, WorkerLimits
from signalbot.strategies.base import CandleTable, SignalProposal, Tables

MAIN = Timeframe.M5
START = Ms(1_700_000_100_000)
LIMITS = WorkerLimits(deadline_s=5.0, memory_bytes=128 * 1024 * 1024)


def write(folder: Path, body: str, *, head: str = "", name: str = "own.py") -> Path:
    """Return a strategy file with this body of ``on_candle``; it needs three candles."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(
        "from signalbot.strategy import *\n"
        + textwrap.dedent(head)
        + "\nclass Own(Strategy):\n"
        + "    def warm_up(self, timeframe, params): return 3\n"
        + "    def on_candle(self, candles, params):\n"
        + textwrap.indent(textwrap.dedent(body).strip(), " " * 8)
        + "\n",
        encoding="utf-8",
    )
    return path


def read(path: Path, *, limits: WorkerLimits = LIMITS, **params: Any) -> StrategyFile:
    return StrategyFile.read(path, timeframe=MAIN, params=params, limits=limits)


@contextmanager
def running(
    path: Path, *, limits: WorkerLimits = LIMITS, say: Callable[[str], None] = lambda _: None
) -> Iterator[StrategyRunner]:
    """A runner of the file; its worker ends with the block."""
    runner = StrategyRunner(read(path, limits=limits), say)
    try:
        yield runner
    finally:
        runner.suspend()


def tables(close: float = 100.0, *, length: int = 3, close_ms: int = START) -> Tables:
    """A flat market."""
    rows = np.full((5, length), close, np.float64)
    return {MAIN: CandleTable.of(Ms(close_ms), rows)}


def ask(
    runner: StrategyRunner, shown: Mapping[Timeframe, CandleTable] | None = None
) -> SignalProposal | None:
    return runner.evaluate("BTC/USDT:USDT", shown or tables())


def reached(folder: Path, attempt: str, *, head: str = "") -> str:
    """What came of an ``attempt`` (an expression) inside a worker: its value, or its exception."""
    body = f"""
        try:
            said = repr({attempt})
        except BaseException as e:
            said = f"refused: {{type(e).__name__}}"
        return long(said)
    """
    head = "import os, socket, signal, ctypes, resource, threading, subprocess, sys\n" + head
    with running(write(folder, body, head=head)) as runner:
        idea = ask(runner)
    assert idea is not None
    return idea.reason
