"""Commands in braces, as Alertatron has them: ``main(BTCUSDT) { market(side=buy); }``."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from signalbot.domain.errors import BadSignal
from signalbot.domain.money import HUNDRED
from signalbot.intake.fields import shown
from signalbot.intake.numbers import number_or_none

_COMMANDS = re.compile(
    r"\s*(?P<account>[\w.\- ]*)\((?P<symbol>[^()]+)\)\s*\{(?P<body>.*)\}[^{}]*", re.DOTALL
)
_COMMAND = re.compile(r"\s*(\w+)\s*\(([^()]*)\)\s*|\s*(\w+\s*=[^()]*)", re.DOTALL)
_ORDERS = frozenset(
    {"market", "limit", "order", "scaled", "twap", "waitforlimit", "aggressiveentry"}
)
_LEAVES = frozenset({"exitmarket", "closeposition", "close", "exit", "flatten", "exitposition"})
_LEVELS = {
    "stoporder": "stop_loss", "stopmarket": "stop_loss", "stop": "stop_loss",
    "stoploss": "stop_loss", "trailingstop": "trailing_stop", "trailingstoploss": "trailing_stop",
    "takeprofit": "take_profit", "takeprofitorder": "take_profit",
}  # fmt: skip
_ASIDE = frozenset({"wait", "notify", "continue", "balance", "cancel", "leverage", "setleverage"})

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Command:
    text: str
    name: str
    arguments: Mapping[str, str]


def from_commands(text: str) -> list[Pair] | None:
    """The fields that commands stand for; None: the text holds none.

    Raises:
        BadSignal: one of them is not known, or they are several orders.
    """
    found = _COMMANDS.fullmatch(text)
    if found is None:
        return None
    commands = [_command(part.strip()) for part in found["body"].split(";") if part.strip()]
    for each in commands:
        if each.name not in _ORDERS | _LEAVES | _ASIDE | _LEVELS.keys():
            raise BadSignal(f"{shown(each.text)}: this command is not known")
    return [("symbol", found["symbol"].strip()), *_acts(commands), *_levels(commands)]


def _command(text: str) -> _Command:
    found = _COMMAND.fullmatch(text)
    if found is None:
        raise BadSignal(f"{shown(text)}: this command is not known")
    arguments = found[2] if found[1] else found[3]
    pairs = [part.partition("=") for part in arguments.split(",") if part.strip()]
    named = {key.strip().lower(): value.strip() for key, _, value in pairs}
    if len(named) != len(pairs):
        raise BadSignal(f"{shown(text)}: an argument stands twice")
    return _Command(text, (found[1] or named.pop("type", "order")).lower(), named)


def _acts(commands: list[_Command]) -> list[Pair]:
    leaves = [each for each in commands if each.name in _LEAVES]
    orders = [each for each in commands if each.name in _ORDERS]
    for spare in (*leaves[1:], *orders[1:]):
        raise BadSignal(f"{shown(spare.text)}: an alert may carry out one order")
    if leaves and orders:
        turned = [("action", f"reverse {value}") for name, value in _order(orders[0])
                  if name == "action" and value != "close"]  # fmt: skip
        return turned or list(_order(leaves[0]))
    if leaves or orders:
        return list(_order((leaves or orders)[0]))
    is_cancel = any(each.name == "cancel" for each in commands)
    return [("action", "cancel")] if is_cancel else []


def _order(command: _Command) -> Iterator[Pair]:
    arguments = command.arguments
    if command.name in _LEAVES:
        yield "action", "close"
    for key, value in arguments.items():
        if key == "amount" and value.lower().endswith("%p"):
            yield "exit_percent", value[:-1]
        elif key == "position" and value.lower().endswith("%p"):
            yield "exit_percent", _left_out(command, value)
        elif key == "position":
            yield "position_size", value
        elif not (key == "side" and command.name in _LEAVES):
            yield {"side": "action"}.get(key, key), value
    if command.name in _LEAVES and "side" in arguments:
        yield "side", arguments["side"]
    elif "side" not in arguments and command.name in _ORDERS and "position" in arguments:
        size = number_or_none(arguments["position"]) or 0
        yield "action", "close" if size == 0 else "buy" if size > 0 else "sell"


def _left_out(command: _Command, share: str) -> str:
    """What leaves so that ``50%p`` of the position stay."""
    stays = number_or_none(share[:-2])
    if stays is None or not 0 <= stays < HUNDRED:
        raise BadSignal(f"{shown(command.text)}: positions are not added to")
    return f"{HUNDRED - stays}%"


def _levels(commands: list[_Command]) -> Iterator[Pair]:
    place = 0
    for each in commands:
        name = _LEVELS.get(each.name)
        if name == "take_profit":
            place += 1
            yield f"take_profit_{place}", _distance(each)
        elif name is not None:
            yield name, _distance(each)


def _distance(command: _Command) -> str:
    """Where a level is: ``offset=2%`` or ``e2%`` away, or ``price=@59000``."""
    for key in ("offset", "trigger", "price", "distance", "percent"):
        if key in command.arguments:
            value = command.arguments[key].lstrip("@eE")
            if key in ("offset", "distance") and not value.endswith("%"):
                break
            return value
    raise BadSignal(f"{shown(command.text)}: a level needs an offset in percent, or a price")
