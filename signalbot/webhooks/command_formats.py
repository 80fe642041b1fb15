"""Parses command formats: commands in braces, and codes.

Alertatron sends ``main(BTCUSDT) { market(side=buy); }``, other senders codes of a command and a
market such as ``ENTER-LONG_Binance_BTCUSDT_my-bot``.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from signalbot.domain.errors import InvalidSignal
from signalbot.domain.money import HUNDRED
from signalbot.webhooks.fields import AlertField, AlertFields, quoted_value
from signalbot.webhooks.number_parsing import number_or_none
from signalbot.webhooks.symbols import looks_like_a_market

_COMMANDS = re.compile(
    r"\s*(?P<account>[\w.\- ]*)\((?P<symbol>[^()]+)\)\s*\{(?P<body>.*)\}[^{}]*", re.DOTALL
)
_COMMAND = re.compile(r"\s*(\w+)\s*\(([^()]*)\)\s*|\s*(\w+\s*=[^()]*)", re.DOTALL)
_ORDER_COMMANDS = frozenset(
    {"market", "limit", "order", "scaled", "twap", "waitforlimit", "aggressiveentry"}
)
_EXIT_COMMANDS = frozenset(
    {"exitmarket", "closeposition", "close", "exit", "flatten", "exitposition"}
)
_LEVEL_COMMANDS = {
    "stoporder": "stop_loss", "stopmarket": "stop_loss", "stop": "stop_loss",
    "stoploss": "stop_loss", "trailingstop": "trailing_stop", "trailingstoploss": "trailing_stop",
    "takeprofit": "take_profit", "takeprofitorder": "take_profit",
}  # fmt: skip
_IGNORED_COMMANDS = frozenset(
    {"wait", "notify", "continue", "balance", "cancel", "leverage", "setleverage"}
)
_CODE = re.compile(r"((?:ENTER|EXIT)-(?:LONG|SHORT|ALL))((?:_[\w.\-]+)*)", re.IGNORECASE)

NameValue = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Command:
    text: str
    name: str
    arguments: Mapping[str, str]


def from_commands(text: str) -> list[NameValue] | None:
    """Convert commands to fields; None if the text has none.

    Raises:
        InvalidSignal: a command is unknown, or there are several orders.
    """
    found = _COMMANDS.fullmatch(text)
    if found is None:
        return None
    commands = [_command(part.strip()) for part in found["body"].split(";") if part.strip()]
    for each in commands:
        if (
            each.name
            not in _ORDER_COMMANDS | _EXIT_COMMANDS | _IGNORED_COMMANDS | _LEVEL_COMMANDS.keys()
        ):
            raise InvalidSignal(f"{quoted_value(each.text)}: unknown command")
    return [("symbol", found["symbol"].strip()), *_action_fields(commands), *_levels(commands)]


def _command(text: str) -> _Command:
    found = _COMMAND.fullmatch(text)
    if found is None:
        raise InvalidSignal(f"{quoted_value(text)}: unknown command")
    arguments = found[2] if found[1] else found[3]
    pairs = [part.partition("=") for part in arguments.split(",") if part.strip()]
    named = {key.strip().lower(): value.strip() for key, _, value in pairs}
    if len(named) != len(pairs):
        raise InvalidSignal(f"{quoted_value(text)}: duplicate argument")
    return _Command(text, (found[1] or named.pop("type", "order")).lower(), named)


def _action_fields(commands: list[_Command]) -> list[NameValue]:
    exits = [each for each in commands if each.name in _EXIT_COMMANDS]
    orders = [each for each in commands if each.name in _ORDER_COMMANDS]
    for extra in (*exits[1:], *orders[1:]):
        raise InvalidSignal(f"{quoted_value(extra.text)}: an alert may have only one order")
    if exits and orders:
        turned = [("action", f"reverse {value}") for name, value in _order(orders[0])
                  if name == "action" and value != "close"]  # fmt: skip
        return turned or list(_order(exits[0]))
    if exits or orders:
        return list(_order((exits or orders)[0]))
    is_cancel = any(each.name == "cancel" for each in commands)
    return [("action", "cancel")] if is_cancel else []


def _order(command: _Command) -> Iterator[NameValue]:
    arguments = command.arguments
    if command.name in _EXIT_COMMANDS:
        yield "action", "close"
    for key, value in arguments.items():
        if key == "amount" and value.lower().endswith("%p"):
            yield "exit_percent", value[:-1]
        elif key == "position" and value.lower().endswith("%p"):
            yield "exit_percent", _exit_share(command, value)
        elif key == "position":
            yield "position_size", value
        elif not (key == "side" and command.name in _EXIT_COMMANDS):
            yield {"side": "action"}.get(key, key), value
    if command.name in _EXIT_COMMANDS and "side" in arguments:
        yield "side", arguments["side"]
    elif "side" not in arguments and command.name in _ORDER_COMMANDS and "position" in arguments:
        size = number_or_none(arguments["position"]) or 0
        yield "action", "close" if size == 0 else "buy" if size > 0 else "sell"


def _exit_share(command: _Command, share: str) -> str:
    """Return the share to close so that ``50%p`` of the position remain."""
    stays = number_or_none(share[:-2])
    if stays is None or not 0 <= stays < HUNDRED:
        raise InvalidSignal(f"{quoted_value(command.text)}: positions cannot be increased")
    return f"{HUNDRED - stays}%"


def _levels(commands: list[_Command]) -> Iterator[NameValue]:
    number = 0
    for each in commands:
        name = _LEVEL_COMMANDS.get(each.name)
        if name == "take_profit":
            number += 1
            yield f"take_profit_{number}", _distance(each)
        elif name is not None:
            yield name, _distance(each)


def _distance(command: _Command) -> str:
    """Return the distance or price of a level: ``offset=2%``, ``e2%`` or ``price=@59000``."""
    for key in ("offset", "trigger", "price", "distance", "percent"):
        if key in command.arguments:
            value = command.arguments[key].lstrip("@eE")
            if key in ("offset", "distance") and not value.endswith("%"):
                break
            return value
    raise InvalidSignal(
        f"{quoted_value(command.text)}: a level needs an offset in percent, or a price"
    )


def expand_codes(fields: AlertFields) -> AlertFields:
    """Replace each code field by an action and a symbol."""
    return tuple(inner for each in fields for inner in _code_fields(each))


def from_code(text: str) -> list[tuple[str, str]] | None:
    """Convert a text that is a code to fields; None if it is none."""
    pairs = _parse_code(text.strip())
    return None if pairs is None or len(pairs) == 1 else pairs


def _code_fields(field: AlertField) -> AlertFields:
    pairs = _parse_code(field.value.strip()) if field.segments[-1] == ("code",) else None
    if pairs is None:
        return (field,)
    return tuple(AlertField((*field.path, name), value) for name, value in pairs)


def _parse_code(text: str) -> list[tuple[str, str]] | None:
    found = _CODE.fullmatch(text)
    if found is None:
        return None
    markets = [part for part in found[2].split("_") if looks_like_a_market(part)]
    return [("action", found[1]), *(("symbol", part) for part in markets[:1])]
