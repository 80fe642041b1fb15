"""Checks that validate every strategy by its kind; they load the numerical libraries."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from signalbot.config.checks.candles import window_problems
from signalbot.config.problems import Problem
from signalbot.config.settings import Config
from signalbot.config.strategy_kinds import strategy_kind
from signalbot.domain.users import Origin
from signalbot.sandbox.folder import Folder
from signalbot.sandbox.strategy_runner import StrategyFile
from signalbot.settings.strategy import StrategySettings
from signalbot.strategies import BadParameter, UnknownKind
from signalbot.strategies.base import StrategyFailed

_MAX_WORKERS = 4


def check_strategies(config: Config) -> tuple[Problem, ...]:
    """Return a problem for every strategy that cannot run as configured.

    Its kind is unknown, a parameter is invalid, its file fails, or its exchange does not provide
    the candles it requires.
    """
    in_process, in_workers = list[StrategySettings](), list[StrategySettings]()
    for settings in config.strategies.values():
        is_worker = strategy_kind(settings.kind).needs_worker
        (in_workers if is_worker else in_process).append(settings)
    found = [problem for each in in_process for problem in _problems(config, each)]
    return tuple(dict.fromkeys((*found, *_concurrent_problems(config, in_workers))))


def _concurrent_problems(
    config: Config, strategies: Iterable[StrategySettings]
) -> Iterator[Problem]:
    files = list(strategies)
    if not files:
        return
    with ThreadPoolExecutor(_MAX_WORKERS) as threads:
        try:
            found = list(threads.map(lambda each: list(_file_problems(config, each)), files))
        except RuntimeError as e:
            table = ("strategies", files[0].name)
            yield config.sources.problem(table, f"no thread can be started to check it: {e}")
        else:
            yield from (problem for problems in found for problem in problems)


def _file_problems(config: Config, settings: StrategySettings) -> Iterator[Problem]:
    table = ("strategies", settings.name)
    if settings.origin is not Origin.CONFIG:
        message = "a strategy file can only be set in the configuration file, not through the API"
        yield config.sources.problem((*table, "kind"), message)
        return
    try:
        _require_own_folder(config, StrategyFile.configured(settings).folder)
    except StrategyFailed as e:
        yield _file_problem(config, settings, e)
    else:
        yield from _problems(config, settings)


def _problems(config: Config, settings: StrategySettings) -> Iterator[Problem]:
    table = ("strategies", settings.name)
    kind = strategy_kind(settings.kind)
    warm_up = {} if settings.timeframe is None else {settings.timeframe: 1}
    try:
        warm_up |= kind.validate(settings)
    except UnknownKind as e:
        yield config.sources.problem((*table, "kind"), str(e))
    except BadParameter as e:
        yield config.sources.problem((*table, "params", e.name), str(e))
    except StrategyFailed as e:
        yield _file_problem(config, settings, e)
    yield from window_problems(config, settings, warm_up)


def _file_problem(config: Config, settings: StrategySettings, error: StrategyFailed) -> Problem:
    first = str(error).partition("\n")[0]
    return config.sources.problem(
        ("strategies", settings.name, "path"), f"{first}; see: strategy check {settings.path}"
    )


def _require_own_folder(config: Config, folder: Folder) -> None:
    """Check that a strategy's folder, which it may read, holds no file of the daemon."""
    daemon = config.daemon
    for secret in (config.path.absolute(), daemon.state_dir, daemon.master_key_file):
        if folder.holds(secret):
            raise StrategyFailed(
                f"strategies may read their own folder, and {folder.path} holds {secret.name}: "
                "move the strategies into a separate folder, such as strategies/"
            )
