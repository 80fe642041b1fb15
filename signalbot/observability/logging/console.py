"""The console log format: one line per event, in columns."""

import json
import re
from collections.abc import Callable
from decimal import Decimal

from structlog.typing import EventDict, WrappedLogger

from signalbot.domain.events import EVENTS
from signalbot.observability.logging.colors import Palette
from signalbot.observability.logging.redaction import Redaction, is_secret_name
from signalbot.observability.logging.secrets import MASK
from signalbot.observability.logging.values import (
    MemoCache,
    Timestamp,
    decimal_text,
    escaped,
    is_short_int,
    json_value,
    traceback_of,
    value_text,
)

_SEPARATOR = "  "
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


class ConsoleRenderer:
    """The last structlog processor: renders an event as a line.

    UTC time, level, event; then in fixed columns the user (or the strategy), the symbol, the action
    and the signal; then the other facts as ``name=value`` in the order of the call, without those
    that are None. A traceback follows on indented lines, so every line without indent is an event.
    """

    def __init__(
        self, clock: Callable[[], int], redaction: Redaction, *, color: bool = False
    ) -> None:
        palette = Palette(color=color)
        self._clock = clock
        self._redaction = redaction
        self._clean = clean = redaction.redact
        self._palette = palette
        dim, undim = palette.dim(_SEPARATOR).split(_SEPARATOR)
        self._stamp = Timestamp(f"{dim}%Y-%m-%d %H:%M:%S", end=undim)
        self._levels = {
            name: f"{_SEPARATOR}{palette.level(name, f'{rendered:<5}')}{_SEPARATOR}"
            for name, rendered in _LEVELS.items()
        }
        self._events = LogColumn(clean, palette.event, width=_EVENT_WIDTH, max_width=_EVENT_WIDTH)
        self._subjects = LogColumn(clean, palette.subject, width=8, max_width=20)
        self._symbols = LogColumn(clean, str, width=13, max_width=20)
        self._actions = LogColumn(clean, palette.action, width=5, max_width=10)
        self._signals = LogColumn(clean, palette.dim, width=20, max_width=20)
        self._texts = MemoCache(self._text)
        self._names = MemoCache(self._name)
        for cache in self._caches():
            redaction.secrets.on_add(cache.clear)

    def __call__(self, _logger: WrappedLogger, level: str, facts: EventDict) -> str:
        event = _pop_text(facts, "event")
        exc_info = facts.pop("exc_info", None)
        line = (
            f"{self._stamp(self._clock())}{self._levels[level]}"
            f"{self._events[event]}{self._subject(facts)}{self._facts(facts)}"
        ).rstrip() + "\n"
        if exc_info is not None and (trace := traceback_of(exc_info, self._clean)):
            line += "".join(f"{_INDENT}{escaped(row)}".rstrip() + "\n" for row in trace.split("\n"))
        return line

    def _subject(self, facts: EventDict) -> str:
        """The columns up to the last one with a value."""
        subject = _pop_text(facts, "user_id") or _pop_text(facts, "strategy")
        symbol = _pop_text(facts, "symbol")
        action = _pop_text(facts, "action") or _pop_text(facts, "side")
        signal_id, strategy = _pop_text(facts, "signal_id"), _pop_text(facts, "strategy")
        columns = ""
        if subject or symbol or action:
            columns = self._subjects[subject]
            if symbol or action or signal_id:
                columns += self._symbols[symbol]
            if action or signal_id:
                columns += self._actions[action]
        if signal_id:
            columns += self._signals[signal_id]
        if strategy:
            columns += self._texts[strategy] + _SEPARATOR
        return columns

    def _facts(self, facts: EventDict) -> str:
        texts, names, color = self._texts, self._names, self._palette.color
        rendered = []
        for name, value in facts.items():
            if value is None:
                continue
            named = names[name]
            if not named:
                rendered.append(f"{_quoted(self._clean(name))}={MASK}")
                continue
            text = texts[value] if type(value) is str else self._other(value)
            if color and name.endswith("pnl"):
                text = self._palette.gain(text)
            rendered.append(named + text)
        return " ".join(rendered)

    def _name(self, name: str) -> str:
        """The name with its separator; "" for a name with a secret value."""
        return "" if is_secret_name(name) else self._palette.dim(f"{_quoted(self._clean(name))}=")

    def _text(self, text: str) -> str:
        return text if self._redaction.is_harmless(text) else _quoted(self._clean(text))

    def _other(self, value: object) -> str:
        if type(value) is int and is_short_int(value):
            return str(value)
        if type(value) is Decimal:
            return decimal_text(value)
        rendered = json_value(value, self._clean)
        return _quoted(rendered) if isinstance(rendered, str) else _compact(rendered)

    def _caches(self) -> tuple[MemoCache, ...]:
        columns = (self._events, self._subjects, self._symbols, self._actions, self._signals)
        return (*columns, self._texts, self._names)


class LogColumn(MemoCache):
    """Texts padded to one width, which grows with the longest text up to ``max_width``."""

    def __init__(
        self,
        clean: Callable[[str], str],
        paint: Callable[[str], str],
        *,
        width: int,
        max_width: int,
    ) -> None:
        super().__init__(self._cell)
        self._clean = clean
        self._paint = paint
        self._width = width
        self._max_width = max_width

    def _cell(self, text: str) -> str:
        rendered = _quoted(self._clean(text)) if text else ""
        if self._width < len(rendered) and self._width < self._max_width:
            self._width = min(len(rendered), self._max_width)
            self.clear()
        return f"{self._paint(rendered)}{' ' * (self._width - len(rendered))}{_SEPARATOR}"


def _pop_text(facts: EventDict, name: str) -> str:
    if name not in facts:
        return ""
    value = facts.pop(name)
    if type(value) is str:
        return value
    return "" if value is None else value_text(value)


def _quoted(text: str) -> str:
    """The text itself if it is one plain word, else quoted and on a single line."""
    if text and text.isprintable() and _AMBIGUOUS.search(text) is None:
        return text
    backslashed = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped(backslashed)}"'
