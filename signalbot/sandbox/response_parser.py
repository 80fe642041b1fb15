"""Parses and validates responses of a worker, which are untrusted input."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from signalbot.domain.signals import Action, Strength
from signalbot.domain.timeframe import Timeframe
from signalbot.sandbox.output_capture import printable
from signalbot.strategies.base import SignalProposal, StrategyFailed
from signalbot.strategies.params import BadParameter

_MAX_WINDOW = 5_000
_MAX_TIMEFRAMES = 6
_MAX_TARGETS = 10
_MAX_DISTANCE = 100.0  # times the close; a price beyond it is an error
_MIN_PERCENT = 0.001  # of a position; less is an error
_MAX_REASON_LENGTH = 500
_MAX_REPORT_LENGTH = 4_000
_SIDES = {Action.LONG: 1, Action.SHORT: -1}


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyDescription:
    """Description of a strategy file, reported by its worker."""

    name: str
    about: str
    warm_up: Mapping[Timeframe, int]
    params: tuple[Mapping[str, str], ...]  #: name, value, bounds, about
    missing: Mapping[str, str]  #: isolation features the kernel lacks, with reasons


def parse_description(response: object) -> StrategyDescription:
    """Parse the first response of a worker.

    Raises:
        BadParameter: a configured parameter is invalid.
        StrategyFailed: the file cannot run, or the description is invalid.
    """
    reported = _table(response)
    if "parameter" in reported:
        raise BadParameter(_text(reported["parameter"], 80), _text(reported.get("error"), 500))
    _raise_error(reported)
    lengths = _table(reported.get("warm_up"))
    if not 0 < len(lengths) <= _MAX_TIMEFRAMES:
        raise StrategyFailed(
            f"warm_up names {len(lengths)} timeframes: 1 to {_MAX_TIMEFRAMES} are allowed"
        )
    listed = reported.get("params")
    return StrategyDescription(
        name=_text(reported.get("name"), 80),
        about=_text(reported.get("about"), 2_000),
        warm_up={_timeframe(name): _length(name, each) for name, each in lengths.items()},
        params=tuple(_parameter(each) for each in listed) if isinstance(listed, list) else (),
        missing={
            _text(key, 40): _text(why, 200) for key, why in _table(reported["missing"]).items()
        }
        if "missing" in reported
        else {},
    )


def parse_proposal(response: object, *, number: int, close: float) -> SignalProposal | None:
    """Parse the response to request ``number`` about a candle that closed at ``close``.

    Raises:
        StrategyFailed: the strategy raised an exception, or the proposal is invalid.
    """
    reported = _table(response)
    if reported.get("number") != number:
        raise StrategyFailed(
            f"its response is to request {reported.get('number')!r:.40}, not {number}"
        )
    _raise_error(reported)
    stated = reported.get("idea")
    if stated is None:
        return None
    fields = _table(stated)
    action = _enum_value(Action, "action", fields)
    stop = fields.get("stop_loss")
    side = _SIDES.get(action, 0)
    return SignalProposal(
        action=action,
        strength=_enum_value(Strength, "strength", fields),
        confidence=_confidence(fields.get("confidence")),
        reason=_text(fields.get("reason"), _MAX_REASON_LENGTH),
        stop_loss=None if stop is None else _price("stop_loss", stop, close=close, side=-side),
        take_profits=_targets(fields.get("take_profits"), close=close, side=side),
        exit_percent=_exit_percent(fields.get("exit_percent"), action),
    )


def _raise_error(reported: Mapping[str, Any]) -> None:
    if "error" in reported:
        raise StrategyFailed(_error_text(reported["error"]))


def _error_text(error: object) -> str:
    """Return the strategy's error and traceback with control characters escaped."""
    lines = str(error)[:_MAX_REPORT_LENGTH].splitlines()
    return "\n".join(printable(line) for line in lines)


def _table(value: object) -> Mapping[str, Any]:
    if isinstance(value, dict):
        return value
    raise StrategyFailed(f"its response {value!r:.80} is not a table")


def _text(value: object, most: int) -> str:
    if isinstance(value, str):
        return printable(value[:most].replace("\n", " "))
    raise StrategyFailed(f"its response has {value!r:.80} in place of text")


def _enum_value(values: type[Any], name: str, fields: Mapping[str, Any]) -> Any:
    value = fields.get(name)
    if isinstance(value, str) and value in values.__members__.values():
        return values(value)
    raise StrategyFailed(f"{name} {value!r:.80} is not one of {', '.join(values.__members__)}")


def _number(name: str, value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = float("inf")
        if isfinite(number):
            return number
    raise StrategyFailed(f"{name} {value!r:.80} is not a finite number")


def _confidence(value: object) -> float:
    number = _number("confidence", value)
    if 0 <= number <= 1:
        return number
    raise StrategyFailed(f"confidence {number:g} is not between 0 and 1")


def _exit_percent(value: object, action: Action) -> float:
    """Return the share of the position to exit; 100 for entries."""
    if action in _SIDES or value is None:
        return 100.0
    number = _number("percent", value)
    if _MIN_PERCENT <= number <= 100:  # noqa: PLR2004 - percent
        return number
    raise StrategyFailed(f"percent {number:g} is not from {_MIN_PERCENT:g} to 100")


def _price(name: str, value: object, *, close: float, side: int) -> float:
    """Parse a price above the close (``side`` 1), below it (-1), or on either side (0)."""
    price = _number(name, value)
    if not 0 < price <= close * _MAX_DISTANCE:
        raise StrategyFailed(f"{name} {price:g} is not a price near the close {close:g}")
    if (price - close) * side < 0 or (side and price == close):
        where = "above" if side > 0 else "below"
        raise StrategyFailed(f"{name} {price:g} must be {where} the close {close:g}")
    return price


def _targets(value: object, *, close: float, side: int) -> tuple[float, ...]:
    if not isinstance(value, list) or len(value) > _MAX_TARGETS:
        raise StrategyFailed(
            f"take_profits {value!r:.80} is not a list of up to {_MAX_TARGETS} prices"
        )
    return tuple(_price("take_profit", each, close=close, side=side) for each in value)


def _timeframe(name: object) -> Timeframe:
    if isinstance(name, str) and name in Timeframe.__members__.values():
        return Timeframe(name)
    raise StrategyFailed(f"warm_up: {name!r:.80} is not one of {', '.join(Timeframe)}")


def _length(name: str, value: object) -> int:
    if type(value) is int and 1 <= value <= _MAX_WINDOW:
        return value
    raise StrategyFailed(f"warm_up: {value!r:.80} candles of {name} is not from 1 to {_MAX_WINDOW}")


def _parameter(value: object) -> Mapping[str, str]:
    reported = _table(value)
    return {name: printable(f"{reported.get(name, '')}"[:200]) for name in _PARAMETER_KEYS}


_PARAMETER_KEYS = ("name", "value", "bounds", "about")
