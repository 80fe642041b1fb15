"""Reads what a worker answered as one reads a stranger's letter: nothing in it is believed."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from signalbot.domain.signals import Action, Strength
from signalbot.domain.timeframe import Timeframe
from signalbot.sandbox.speech import printable
from signalbot.strategies.base import Failed, Idea
from signalbot.strategies.params import BadParameter

_LONGEST_WINDOW = 5_000
_MOST_TIMEFRAMES = 6
_MOST_TARGETS = 10
_FARTHEST = 100.0  # a price beyond so many times the close is a mistake
_LEAST_PERCENT = 0.001  # of a position; less is a mistake
_REASON_CHARACTERS = 500
_REPORT_CHARACTERS = 4_000
_SIDES = {Action.LONG: 1, Action.SHORT: -1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a strategy file says of itself."""

    name: str
    about: str
    warm_up: Mapping[Timeframe, int]
    params: tuple[Mapping[str, str], ...]  #: name, value, bounds, about
    missing: Mapping[str, str]  #: measures of containment that the kernel does not offer


def description_of(answer: object) -> Description:
    """What a worker tells at its start.

    Raises:
        BadParameter: a configured parameter does not suit the file.
        Failed: the file cannot be run, or says what cannot be.
    """
    told = _table(answer)
    if "parameter" in told:
        raise BadParameter(_text(told["parameter"], 80), _text(told.get("error"), 500))
    _refuse_error(told)
    lengths = _table(told.get("warm_up"))
    if not 0 < len(lengths) <= _MOST_TIMEFRAMES:
        raise Failed(f"warm_up names {len(lengths)} timeframes: 1 to {_MOST_TIMEFRAMES} can be had")
    listed = told.get("params")
    return Description(
        name=_text(told.get("name"), 80),
        about=_text(told.get("about"), 2_000),
        warm_up={_timeframe(name): _length(name, each) for name, each in lengths.items()},
        params=tuple(_parameter(each) for each in listed) if isinstance(listed, list) else (),
        missing={_text(key, 40): _text(why, 200) for key, why in _table(told["missing"]).items()}
        if "missing" in told
        else {},
    )


def idea_of(answer: object, *, number: int, close: float) -> Idea | None:
    """What a worker says about a candle that closed at ``close``.

    Raises:
        Failed: its author's code raised, or it says what cannot be.
    """
    told = _table(answer)
    if told.get("number") != number:
        raise Failed(f"it answered question {told.get('number')!r:.40}, asked was {number}")
    _refuse_error(told)
    said = told.get("idea")
    if said is None:
        return None
    fields = _table(said)
    action = _word(Action, "action", fields)
    stop = fields.get("stop_loss")
    side = _SIDES.get(action, 0)
    return Idea(
        action=action,
        strength=_word(Strength, "strength", fields),
        confidence=_confidence(fields.get("confidence")),
        reason=_text(fields.get("reason"), _REASON_CHARACTERS),
        stop_loss=None if stop is None else _price("stop_loss", stop, close=close, side=-side),
        take_profits=_targets(fields.get("take_profits"), close=close, side=side),
        exit_percent=_exit_percent(fields.get("exit_percent"), action),
    )


def _refuse_error(told: Mapping[str, Any]) -> None:
    if "error" in told:
        raise Failed(_report(told["error"]))


def _report(error: object) -> str:
    """The author's own error and traceback: lines stay lines, nothing else moves the cursor."""
    lines = str(error)[:_REPORT_CHARACTERS].splitlines()
    return "\n".join(printable(line) for line in lines)


def _table(value: object) -> Mapping[str, Any]:
    if isinstance(value, dict):
        return value
    raise Failed(f"it answered {value!r:.80}, which is no answer")


def _text(value: object, most: int) -> str:
    if isinstance(value, str):
        return printable(value[:most].replace("\n", " "))
    raise Failed(f"it answered {value!r:.80} where text belongs")


def _word(words: type[Any], name: str, fields: Mapping[str, Any]) -> Any:
    value = fields.get(name)
    if isinstance(value, str) and value in words.__members__.values():
        return words(value)
    raise Failed(f"{name} {value!r:.80} is not one of {', '.join(words.__members__)}")


def _number(name: str, value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = float("inf")
        if isfinite(number):
            return number
    raise Failed(f"{name} {value!r:.80} is not a finite number")


def _confidence(value: object) -> float:
    number = _number("confidence", value)
    if 0 <= number <= 1:
        return number
    raise Failed(f"confidence {number:g} is not between 0 and 1")


def _exit_percent(value: object, action: Action) -> float:
    """The part of a position that leaves; entries have none."""
    if action in _SIDES or value is None:
        return 100.0
    number = _number("percent", value)
    if _LEAST_PERCENT <= number <= 100:  # noqa: PLR2004 - percent
        return number
    raise Failed(f"percent {number:g} is not from {_LEAST_PERCENT:g} to 100")


def _price(name: str, value: object, *, close: float, side: int) -> float:
    """A price that lies above the close (``side`` 1), below it (-1), or near it (0)."""
    price = _number(name, value)
    if not 0 < price <= close * _FARTHEST:
        raise Failed(f"{name} {price:g} is not a price near the close {close:g}")
    if (price - close) * side < 0 or (side and price == close):
        where = "above" if side > 0 else "below"
        raise Failed(f"{name} {price:g} must lie {where} the close {close:g}")
    return price


def _targets(value: object, *, close: float, side: int) -> tuple[float, ...]:
    if not isinstance(value, list) or len(value) > _MOST_TARGETS:
        raise Failed(f"take_profits {value!r:.80} is not a list of up to {_MOST_TARGETS} prices")
    return tuple(_price("take_profit", each, close=close, side=side) for each in value)


def _timeframe(name: object) -> Timeframe:
    if isinstance(name, str) and name in Timeframe.__members__.values():
        return Timeframe(name)
    raise Failed(f"warm_up: {name!r:.80} is not one of {', '.join(Timeframe)}")


def _length(name: str, value: object) -> int:
    if type(value) is int and 1 <= value <= _LONGEST_WINDOW:
        return value
    raise Failed(f"warm_up: {value!r:.80} candles of {name} is not from 1 to {_LONGEST_WINDOW}")


def _parameter(value: object) -> Mapping[str, str]:
    told = _table(value)
    return {name: printable(f"{told.get(name, '')}"[:200]) for name in _PARAMETER_KEYS}


_PARAMETER_KEYS = ("name", "value", "bounds", "about")
