"""Strategy files as the configuration names them: read, and checked in a worker of their own."""

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from signalbot.config.candles import window_problems
from signalbot.config.problems import Problem
from signalbot.config.terms import FILE_KIND, Config, StrategyTerms
from signalbot.domain.timeframe import Timeframe
from signalbot.domain.users import Origin
from signalbot.sandbox.folder import Folder
from signalbot.sandbox.runner import Limits, Runner, StrategyFile, WorkerDied
from signalbot.strategies.base import Failed
from signalbot.strategies.params import BadParameter

_AT_ONCE = 4
_MOST_SEEN = 1_000
_seen: dict[tuple[Path, bytes, Timeframe, str, Limits], Mapping[Timeframe, int]] = {}


def strategy_file(terms: StrategyTerms) -> StrategyFile:
    """The file of a strategy of kind "file", read now.

    Raises:
        Failed: it cannot be read.
    """
    assert terms.path is not None  # noqa: S101 - a strategy without one does not load
    return StrategyFile.read(
        terms.path,
        timeframe=terms.candles,
        params=terms.params,
        limits=Limits(deadline_s=terms.deadline_s, memory_bytes=terms.memory_mb * 1024 * 1024),
    )


def file_problems(config: Config) -> Iterator[Problem]:
    """Why strategy files cannot be run as they are configured."""
    files = [each for each in config.strategies.values() if each.kind == FILE_KIND]
    if not files:
        return
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        try:
            found = list(threads.map(lambda terms: list(_problems(config, terms)), files))
        except RuntimeError as e:
            table = ("strategies", files[0].name)
            yield config.sources.problem(table, f"no thread can be started to try it: {e}")
        else:
            yield from (problem for problems in found for problem in problems)


def _problems(config: Config, terms: StrategyTerms) -> Iterator[Problem]:
    table = ("strategies", terms.name)
    if terms.origin is not Origin.CONFIG:
        message = "a strategy file can only be named in the configuration file, not by the API"
        yield config.sources.problem((*table, "kind"), message)
        return
    try:
        file = strategy_file(terms)
        _refuse_company(config, file.folder)
        warm_up = _see_that_it_runs(file)
    except BadParameter as e:
        yield config.sources.problem((*table, "params", e.name), str(e))
    except (Failed, WorkerDied) as e:
        first = str(e).partition("\n")[0]
        yield config.sources.problem((*table, "path"), f"{first}; see: strategy check {terms.path}")
    else:
        more = {each: length for each, length in warm_up.items() if each is not terms.timeframe}
        own = {terms.candles: warm_up.get(terms.candles, 1)}
        yield from window_problems(config, terms, more | own)


def _see_that_it_runs(file: StrategyFile) -> Mapping[Timeframe, int]:
    """Start a worker with the file, and give the candles it needs.

    What was found right is not tried again at every reload.

    Raises:
        BadParameter: a parameter does not suit the file.
        Failed: it cannot be run. WorkerDied: it ended its worker.
    """
    params = json.dumps(dict(file.params))
    known = (file.path, file.source, file.timeframe, params, file.limits)
    if known in _seen:
        return _seen[known]
    runner = Runner(file, lambda _: None)
    try:
        warm_up = runner.describe().warm_up
    finally:
        runner.rest()
    if len(_seen) >= _MOST_SEEN:
        _seen.clear()
    _seen[known] = warm_up
    return warm_up


def _refuse_company(config: Config, folder: Folder) -> None:
    """A strategy may read its own folder: nothing else of the daemon's may lie there."""
    daemon = config.daemon
    for secret in (config.path.absolute(), daemon.state_dir, daemon.master_key_file):
        if folder.holds(secret):
            raise Failed(
                f"strategies may read the folder they are in, and {folder.path} holds "
                f"{secret.name}: put them into a folder of their own, such as strategies/"
            )
