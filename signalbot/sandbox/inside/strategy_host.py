"""Loads a strategy class, validates its parameters and calls it; the class is untrusted code."""

import sys
import traceback
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, get_args, get_type_hints

from signalbot.domain.timeframe import Timeframe
from signalbot.strategies.base import SignalProposal
from signalbot.strategies.params import BadParameter, Bounds, parse_params
from signalbot.strategy import Candles, Strategy

_MAX_LINES = 12
_MODULE = "__strategy__"


@dataclass(frozen=True, slots=True, kw_only=True)
class _NoParams:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyHost:
    """A loaded strategy file."""

    strategy: Strategy
    params: Any
    timeframe: str
    path: str
    description: Mapping[str, Any]  #: JSON values

    def on_candle(self, candles: Candles) -> SignalProposal | None:
        """Call the strategy and return its proposal.

        Raises:
            TypeError: it returned another type; or any exception of the strategy.
        """
        result = self.strategy.on_candle(candles, self.params)
        if result is not None and type(result) is not SignalProposal:
            raise TypeError(
                f"on_candle returned {type(result).__name__}: it must be long(...), short(...), "
                "exit_long(...), exit_short(...) or None"
            )
        return result


def load_strategy(source: str, hello: Mapping[str, Any]) -> StrategyHost:
    """Execute the file and instantiate its strategy.

    Raises:
        BadParameter: a configured parameter is invalid.
        ValueError: it does not define exactly one strategy; or any exception of its code.
    """
    path, timeframe = hello["path"], hello["timeframe"]
    sys.path.append(str(Path(path).parent))
    module = ModuleType(_MODULE)
    module.__file__ = path
    sys.modules[_MODULE] = module
    exec(compile(source, path, "exec"), module.__dict__)  # noqa: S102 - confined by the sandbox
    strategy = _only_strategy(module)()
    schema = strategy.Params or _NoParams
    params = _parse(schema, hello["params"])
    description = {
        "name": type(strategy).__name__,
        "about": (type(strategy).__doc__ or "").strip(),
        "warm_up": _warm_up(strategy.warm_up(timeframe, params), timeframe),
        "params": _describe_params(schema, params),
    }
    return StrategyHost(
        strategy=strategy, params=params, timeframe=timeframe, path=path, description=description
    )


def error_report(error: BaseException, path: str) -> str:
    """Return the error in one line, then the traceback, starting in the strategy's file."""
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg} (line {error.lineno})"
    lines = "".join(traceback.format_exception_only(error)).strip()
    frames = traceback.extract_tb(error.__traceback__)
    first = next((at for at, frame in enumerate(frames) if frame.filename == path), len(frames))
    where = "".join(traceback.format_list(frames[first:][-_MAX_LINES:])).rstrip()
    return f"{lines}\n{where}" if where else lines


def _only_strategy(module: ModuleType) -> type[Strategy]:
    found = [
        each
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, Strategy) and each.__module__ == _MODULE
    ]
    if len(found) != 1:
        names = ", ".join(each.__name__ for each in found) or "none"
        raise ValueError(
            f"a strategy file defines one subclass of signalbot.strategy.Strategy; found: {names}"
        )
    return found[0]


def _parse(schema: type[Any], given: Mapping[str, Any]) -> Any:
    if not is_dataclass(schema):
        raise TypeError("Params must be a dataclass: put @dataclass(frozen=True) above it")
    for each in fields(schema):
        is_required = each.default is MISSING and each.default_factory is MISSING
        if is_required and each.name not in given:
            raise BadParameter(each.name, f"{each.name} is missing: it has no default")
    try:
        return parse_params(schema, given)
    except BadParameter:
        raise
    except ValueError as e:
        raise BadParameter(next(iter(given), fields(schema)[0].name), str(e)) from e


def _warm_up(required: int | Mapping[str, int], timeframe: str) -> dict[str, int]:
    lengths = required if isinstance(required, Mapping) else {timeframe: required}
    main = Timeframe(timeframe)
    for each in lengths:
        if each not in Timeframe.__members__.values():
            raise ValueError(f"warm_up: {each!r} is not one of {', '.join(Timeframe)}")
        if Timeframe(each).ms < main.ms or Timeframe(each).ms % main.ms:
            raise ValueError(
                f"warm_up: {each} is not a multiple of the {timeframe} candle it runs on"
            )
    if timeframe not in lengths:
        raise ValueError(f"warm_up: {timeframe}, the timeframe it runs on, is missing")
    return {str(each): length for each, length in lengths.items()}


def _describe_params(schema: type[Any], params: Any) -> list[dict[str, Any]]:
    """Return every parameter with its value, bounds and description."""
    types = get_type_hints(schema, include_extras=True)
    return [
        {
            "name": each.name,
            "value": _plain(getattr(params, each.name)),
            "bounds": next((str(mark) for mark in _annotations_of(types[each.name], Bounds)), ""),
            "about": " ".join(_annotations_of(types[each.name], str)),
        }
        for each in fields(schema)
    ]


def _annotations_of(annotated: Any, kind: type[Any]) -> list[Any]:
    return [mark for mark in get_args(annotated)[1:] if isinstance(mark, kind)]


def _plain(value: object) -> Any:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value if isinstance(value, bool | int | float | str | None) else str(value)
