"""Strategy files in their workers against the same code in this process."""

import asyncio
import gc
import os
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np

from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.observability.logging.setup import configure_logging
from signalbot.sandbox.file_strategy import FileStrategy, FileStrategyRegistry
from signalbot.sandbox.inside.strategy_host import StrategyHost, load_strategy
from signalbot.sandbox.strategy_runner import StrategyFile, WorkerLimits
from signalbot.strategies.base import CandleTable, StrategyFailed, StrategySuspended
from signalbot.strategy import Candles
from signalbot.tasks import SystemClock

MAIN = Timeframe.M5
ROUNDS = 2_000
MANY = 50
STRATEGY = """
import talib
from signalbot.strategy import Strategy, long

class Cross(Strategy):
    def warm_up(self, timeframe, params):
        return 1_000

    def on_candle(self, candles, params):
        close = candles.main.close
        fast, slow = talib.EMA(close, 9), talib.EMA(close, 21)
        if fast[-1] > slow[-1]:
            return long(f"{fast[-1]} above {slow[-1]}", stop_loss=close[-1] * 0.99)
"""


BAD = """
from signalbot.strategy import Strategy

class Bad(Strategy):
    def warm_up(self, timeframe, params):
        return 3

    def on_candle(self, candles, params):
        while True: {body}
"""
MISBEHAVIOUR = {"computes for 20 s": "pass", "prints without end": "print('x' * 10_000)"}


def main() -> None:
    with Path(os.devnull).open("w") as nowhere:
        configure_logging(log_format="console", level="error", stream=nowhere, clock=lambda: 0)
        asyncio.run(_main())


async def _main() -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "cross.py"
        path.write_text(STRATEGY)
        files = FileStrategyRegistry(SystemClock())
        try:
            await _one(files, path)
            await _beside(files, path)
            await _many(files, path)
        finally:
            files.close()
    print()


def _tables(seed: int) -> Mapping[Timeframe, CandleTable]:
    steps = np.random.default_rng(seed).normal(0, 0.001, (5, 1_000))
    return {MAIN: CandleTable.of(Ms(seed * MAIN.ms), 1_000 * np.exp(np.cumsum(steps, axis=1)))}


def _file(path: Path) -> StrategyFile:
    return StrategyFile.read(path, timeframe=MAIN, params={})


async def _one(files: FileStrategyRegistry, path: Path) -> None:
    strategy = await files.open("one", _file(path))
    hello = {"path": str(path), "timeframe": MAIN, "params": {}}
    author = load_strategy(STRATEGY, hello)
    here, there = [], []
    for round_ in range(ROUNDS):
        tables = _tables(round_ % 50)
        candles = Candles("BTC/USDT:USDT", MAIN, {MAIN: tables[MAIN]})
        began_s = time.perf_counter()
        author.on_candle(candles)
        here.append(time.perf_counter() - began_s)
        began_s = time.perf_counter()
        await strategy.evaluate("BTC/USDT:USDT", tables)
        there.append(time.perf_counter() - began_s)
    print("One candle, 1,000 of them in the window, two averages")
    print(f"{'':>12} {'p50 ms':>8} {'p99 ms':>8}")
    for where, times in (("in-process", here), ("worker", there)):
        print(f"{where:>12} {_share(times, 0.5):>8.3f} {_share(times, 0.99):>8.3f}")
    print(f"{'added':>12} {_share(there, 0.5) - _share(here, 0.5):>8.3f} ", end="")
    print(f"{_share(there, 0.99) - _share(here, 0.99):>8.3f}")


def _share(times: list[float], share: float) -> float:
    return sorted(times)[int(share * len(times))] * 1_000


async def _beside(files: FileStrategyRegistry, path: Path) -> None:
    """What one strategy notices of another that misbehaves."""
    quick = await files.open("quick", _file(path))
    author = load_strategy(STRATEGY, {"path": str(path), "timeframe": MAIN, "params": {}})
    print("\nThe daemon's own loop, and the answers of one file, while another misbehaves")
    print(f"{'':>20} {'loop p99':>9} {'x alone':>8} {'file p99':>9} {'x alone':>8}")
    alone = await _turns(author), await _answers(quick)
    _print_beside("alone", alone, alone)
    for what, body in MISBEHAVIOUR.items():
        bad = path.with_name("bad.py")
        bad.write_text(BAD.format(body=body))
        limits = WorkerLimits(deadline_s=20)
        file = StrategyFile.read(bad, timeframe=MAIN, params={}, limits=limits)
        strategy = await files.open("bad", file)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(_misbehave(strategy))
            await asyncio.sleep(0.1)
            now = await _turns(author), await _answers(quick)
            task.cancel()
        _print_beside(what, now, alone)


async def _misbehave(strategy: FileStrategy) -> None:
    while True:
        with suppress(StrategyFailed, StrategySuspended):
            await strategy.evaluate("BTC/USDT:USDT", _TABLES[0])
        await asyncio.sleep(0.01)


async def _answers(strategy: FileStrategy) -> list[float]:
    times = []
    for number in range(ROUNDS):
        began_s = time.perf_counter()
        await strategy.evaluate("BTC/USDT:USDT", _TABLES[number % MANY])
        times.append(time.perf_counter() - began_s)
    return times


async def _turns(author: StrategyHost) -> list[float]:
    """A timer of the loop, then about a millisecond of work: what every user's trade is made of."""
    times = []
    candles = Candles("BTC/USDT:USDT", MAIN, {MAIN: _TABLES[0][MAIN]})
    for _ in range(ROUNDS):
        began_s = time.perf_counter()
        await asyncio.sleep(0.001)
        for _ in range(20):
            author.on_candle(candles)
        times.append(time.perf_counter() - began_s)
    return times


def _print_beside(
    what: str, now: tuple[list[float], list[float]], alone: tuple[list[float], list[float]]
) -> None:
    parts = []
    for times, base in zip(now, alone, strict=True):
        p99 = _share(times, 0.99)
        parts.append(f"{p99:>9.2f} {p99 / _share(base, 0.99):>8.2f}")
    print(f"{what:>20} {' '.join(parts)}")


async def _many(files: FileStrategyRegistry, path: Path) -> None:
    file = _file(path)
    began_s = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(files.open(f"s{number}", file)) for number in range(MANY)]
    strategies = [task.result() for task in tasks]
    opened_s = time.perf_counter() - began_s
    alone = [await _boundary(strategies[:1]) for _ in range(20)]
    gc.collect()
    together = [await _boundary(strategies) for _ in range(20)]
    print(f"\n{MANY} strategy files at one boundary")
    print(f"started together in {opened_s:.1f} s")
    print(f"one: {_share(alone, 0.5):.2f} ms; all: p50 {_share(together, 0.5):.1f} ms, ", end="")
    print(f"worst {max(together) * 1_000:.1f} ms, ", end="")
    print(f"{_share(together, 0.5) / _share(alone, 0.5):.0f} x one")
    pids = [strategy.pid for strategy in strategies]
    private = [_private_kb(pid) for pid in pids if pid]
    print(f"memory of its own: {sum(private) / len(private) / 1024:.1f} MB per worker")


async def _boundary(strategies: list[FileStrategy]) -> float:
    """From the close of the candle to the last answer."""
    began_s = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number, strategy in enumerate(strategies):
            group.create_task(strategy.evaluate("BTC/USDT:USDT", _TABLES[number]))
    return time.perf_counter() - began_s


_TABLES = [_tables(number) for number in range(MANY)]


def _private_kb(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))
