"""The log for people who tail it: one line per event, in columns."""

import json
import re
from collections.abc import Callable
from decimal import Decimal

from structlog.typing import EventDict, WrappedLogger

from signalbot.ops.colour import Palette
from signalbot.ops.events import EVENTS
from signalbot.ops.redaction import Redaction, names_secret
from signalbot.ops.secrets import MASK
from signalbot.ops.texts import (
    Remembered,
    Stamp,
    escaped,
    is_short,
    number_text,
    plain,
    text_of,
    traceback_of,
)

_GAP = "  "
_INDENT = "    "
_EVENT_WIDTH = max(map(len, EVENTS))
_LEVELS = {
    "debug": "DEBUG",
    "info": "INFO",
    "warning": "WARN",
    "error": "ERROR",
    "critical": "FATAL",
}
_compact = json.JSONEncoder(separators=(",", ":")).encode
_AMBIGUOUS = re.compile(r'[ "=\\]')


class ConsoleLines:
    """The last of structlog's processors: makes an event its line.

    UTC time, level, event; then in fixed columns who it concerns (the user, else the strategy), the
    symbol, what is done, and the signal; then the other facts as ``name=value`` in the order they
    were given, without those that are None. A traceback follows on indented lines, so whatever
    starts at the margin is an event.
    """

    def __init__(
        self, clock: Callable[[], int], redaction: Redaction, *, colour: bool = False
    ) -> None:
        palette = Palette(colour=colour)
        self._clock = clock
        self._redaction = redaction
        self._clean = clean = redaction.clean
        self._palette = palette
        dim, undim = palette.faint(_GAP).split(_GAP)
        self._stamp = Stamp(f"{dim}%Y-%m-%d %H:%M:%S", end=undim)
        self._levels = {
            name: f"{_GAP}{palette.level(name, f'{shown:<5}')}{_GAP}"
            for name, shown in _LEVELS.items()
        }
        self._events = Column(clean, palette.event, width=_EVENT_WIDTH, most=_EVENT_WIDTH)
        self._whos = Column(clean, palette.who, width=8, most=20)
        self._symbols = Column(clean, str, width=13, most=20)
        self._actions = Column(clean, palette.action, width=5, most=10)
        self._signals = Column(clean, palette.faint, width=20, most=20)
        self._texts = Remembered(self._text)
        self._names = Remembered(self._name)
        for remembered in self._remembered():
            redaction.secrets.on_add(remembered.clear)

    def __call__(self, _logger: WrappedLogger, level: str, facts: EventDict) -> str:
        event = _taken(facts, "event")
        exc_info = facts.pop("exc_info", None)
        line = (
            f"{self._stamp(self._clock())}{self._levels[level]}"
            f"{self._events[event]}{self._subject(facts)}{self._facts(facts)}"
        ).rstrip() + "\n"
        if exc_info is not None and (trace := traceback_of(exc_info, self._clean)):
            line += "".join(f"{_INDENT}{escaped(row)}".rstrip() + "\n" for row in trace.split("\n"))
        return line

    def _subject(self, facts: EventDict) -> str:
        """The columns up to the last one that is filled."""
        who = _taken(facts, "user_id") or _taken(facts, "strategy")
        symbol = _taken(facts, "symbol")
        action = _taken(facts, "action") or _taken(facts, "side")
        signal_id, strategy = _taken(facts, "signal_id"), _taken(facts, "strategy")
        columns = ""
        if who or symbol or action:
            columns = self._whos[who]
            if symbol or action or signal_id:
                columns += self._symbols[symbol]
            if action or signal_id:
                columns += self._actions[action]
        if signal_id:
            columns += self._signals[signal_id]
        if strategy:
            columns += self._texts[strategy] + _GAP
        return columns

    def _facts(self, facts: EventDict) -> str:
        texts, names, colour = self._texts, self._names, self._palette.colour
        shown = []
        for name, value in facts.items():
            if value is None:
                continue
            named = names[name]
            if not named:
                shown.append(f"{_word(self._clean(name))}={MASK}")
                continue
            text = texts[value] if type(value) is str else self._other(value)
            if colour and name.endswith("pnl"):
                text = self._palette.gain(text)
            shown.append(named + text)
        return " ".join(shown)

    def _name(self, name: str) -> str:
        """The name as it stands before its value; "" when the value must not be seen."""
        return "" if names_secret(name) else self._palette.faint(f"{_word(self._clean(name))}=")

    def _text(self, text: str) -> str:
        return text if self._redaction.is_harmless(text) else _word(self._clean(text))

    def _other(self, value: object) -> str:
        if type(value) is int and is_short(value):
            return str(value)
        if type(value) is Decimal:
            return number_text(value)
        shown = plain(value, self._clean)
        return _word(shown) if isinstance(shown, str) else _compact(shown)

    def _remembered(self) -> tuple[Remembered, ...]:
        columns = (self._events, self._whos, self._symbols, self._actions, self._signals)
        return (*columns, self._texts, self._names)


class Column(Remembered):
    """Texts padded to one width, which grows with what there is to show, up to ``most``."""

    def __init__(
        self,
        clean: Callable[[str], str],
        paint: Callable[[str], str],
        *,
        width: int,
        most: int,
    ) -> None:
        super().__init__(self._cell)
        self._clean = clean
        self._paint = paint
        self._width = width
        self._most = most

    def _cell(self, text: str) -> str:
        shown = _word(self._clean(text)) if text else ""
        if self._width < len(shown) and self._width < self._most:
            self._width = min(len(shown), self._most)
            self.clear()
        return f"{self._paint(shown)}{' ' * (self._width - len(shown))}{_GAP}"


def _taken(facts: EventDict, name: str) -> str:
    if name not in facts:
        return ""
    value = facts.pop(name)
    if type(value) is str:
        return value
    return "" if value is None else text_of(value)


def _word(text: str) -> str:
    """The text itself where it is one plain word, else in quotes on a single line."""
    if text and text.isprintable() and _AMBIGUOUS.search(text) is None:
        return text
    backslashed = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped(backslashed)}"'
