"""Checks of strategy files: each is loaded in a sandboxed worker."""

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from signalbot.config.checks.candles import window_problems
from signalbot.config.problems import Problem
from signalbot.config.settings import FILE_KIND, Config, StrategySettings
from signalbot.domain.timeframe import Timeframe
from signalbot.domain.users import Origin
from signalbot.sandbox.folder import Folder
from signalbot.sandbox.strategy_runner import StrategyFile, StrategyRunner, WorkerDied, WorkerLimits
from signalbot.strategies.base import StrategyFailed
from signalbot.strategies.params import BadParameter

_MAX_CONCURRENT = 4
_MAX_CHECKED = 1_000
_checked: dict[tuple[Path, bytes, Timeframe, str, WorkerLimits], Mapping[Timeframe, int]] = {}


def read_strategy_file(terms: StrategySettings) -> StrategyFile:
    """Read the file of a strategy of kind "file".

    Raises:
        StrategyFailed: it cannot be read.
    """
    assert terms.path is not None  # noqa: S101 - a strategy without one does not load
    return StrategyFile.read(
        terms.path,
        timeframe=terms.candle_timeframe,
        params=terms.params,
        limits=WorkerLimits(
            deadline_s=terms.deadline_s, memory_bytes=terms.memory_mb * 1024 * 1024
        ),
    )


def strategy_file_problems(config: Config) -> Iterator[Problem]:
    """Yield a problem for every strategy file that cannot run as configured."""
    files = [each for each in config.strategies.values() if each.kind == FILE_KIND]
    if not files:
        return
    with ThreadPoolExecutor(_MAX_CONCURRENT) as threads:
        try:
            found = list(threads.map(lambda terms: list(_problems(config, terms)), files))
        except RuntimeError as e:
            table = ("strategies", files[0].name)
            yield config.sources.problem(table, f"no thread can be started to check it: {e}")
        else:
            yield from (problem for problems in found for problem in problems)


def _problems(config: Config, terms: StrategySettings) -> Iterator[Problem]:
    table = ("strategies", terms.name)
    if terms.origin is not Origin.CONFIG:
        message = "a strategy file can only be set in the configuration file, not through the API"
        yield config.sources.problem((*table, "kind"), message)
        return
    try:
        file = read_strategy_file(terms)
        _require_own_folder(config, file.folder)
        warm_up = _warm_up_of(file)
    except BadParameter as e:
        yield config.sources.problem((*table, "params", e.name), str(e))
    except (StrategyFailed, WorkerDied) as e:
        first = str(e).partition("\n")[0]
        yield config.sources.problem((*table, "path"), f"{first}; see: strategy check {terms.path}")
    else:
        more = {each: length for each, length in warm_up.items() if each is not terms.timeframe}
        own = {terms.candle_timeframe: warm_up.get(terms.candle_timeframe, 1)}
        yield from window_problems(config, terms, more | own)


def _warm_up_of(file: StrategyFile) -> Mapping[Timeframe, int]:
    """Load the file in a worker and return its warm-up; valid results are cached.

    Raises:
        BadParameter: a parameter is not valid for the file.
        StrategyFailed: it cannot run.
        WorkerDied: its worker ended.
    """
    params = json.dumps(dict(file.params))
    cache_key = (file.path, file.source, file.timeframe, params, file.limits)
    if cache_key in _checked:
        return _checked[cache_key]
    runner = StrategyRunner(file, lambda _: None)
    try:
        warm_up = runner.describe().warm_up
    finally:
        runner.suspend()
    if len(_checked) >= _MAX_CHECKED:
        _checked.clear()
    _checked[cache_key] = warm_up
    return warm_up


def _require_own_folder(config: Config, folder: Folder) -> None:
    """Check that a strategy's folder, which it may read, holds no file of the daemon."""
    daemon = config.daemon
    for secret in (config.path.absolute(), daemon.state_dir, daemon.master_key_file):
        if folder.holds(secret):
            raise StrategyFailed(
                f"strategies may read their own folder, and {folder.path} holds "
                f"{secret.name}: move the strategies into a separate folder, such as strategies/"
            )
