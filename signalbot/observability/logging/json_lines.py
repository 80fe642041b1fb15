"""The JSON log format: one object per line."""

import json
from collections.abc import Callable
from json.encoder import encode_basestring_ascii as quoted

from structlog.typing import EventDict, WrappedLogger

from signalbot.observability.logging.redaction import Redaction, is_secret_name
from signalbot.observability.logging.secrets import MASK
from signalbot.observability.logging.values import (
    MemoCache,
    Timestamp,
    is_short_int,
    json_value,
    traceback_of,
    value_text,
)

_RESERVED = ("ts", "level", "event", "exception")


class JsonRenderer:
    """The last structlog processor: renders an event as a line.

    ``ts`` (ISO-8601 UTC), ``level``, ``event``, the facts in the order of the call, decimals as
    text, and the traceback, if any, as ``exception``. A fact with one of these names gets a
    trailing underscore. Assembled from cached pieces: ``json.dumps`` takes twice as long.
    """

    def __init__(self, clock: Callable[[], int], redaction: Redaction) -> None:
        self._clock = clock
        self._redaction = redaction
        self._clean = redaction.redact
        self._stamp = Timestamp('{"ts": "%Y-%m-%dT%H:%M:%S', end='Z", "level": "')
        self._texts = MemoCache(self._text)
        self._names = MemoCache(self._name)
        redaction.secrets.on_add(self._texts.clear)
        redaction.secrets.on_add(self._names.clear)

    def __call__(self, _logger: WrappedLogger, level: str, facts: EventDict) -> str:
        texts, names = self._texts, self._names
        event = facts.pop("event", "")
        exc_info = facts.pop("exc_info", None)
        line = [
            f'{self._stamp(self._clock())}{level}", "event": ',
            texts[event if type(event) is str else value_text(event)],
        ]
        for name, value in facts.items():
            if named := names[name]:
                line.append(named)
                line.append(texts[value] if type(value) is str else self._other(value))
            else:
                line.append(f", {quoted(self._clean(name))}: {quoted(MASK)}")
        if exc_info is not None and (trace := traceback_of(exc_info, self._clean)):
            line.append(f', "exception": {quoted(trace)}')
        line.append("}\n")
        return "".join(line)

    def _name(self, name: str) -> str:
        """The name with its separator; "" for a name with a secret value."""
        if is_secret_name(name):
            return ""
        return f", {quoted(self._clean(f'{name}_' if name in _RESERVED else name))}: "

    def _text(self, text: str) -> str:
        return f'"{text}"' if self._redaction.is_harmless(text) else quoted(self._clean(text))

    def _other(self, value: object) -> str:
        if type(value) is int and is_short_int(value):
            return str(value)
        return json.dumps(json_value(value, self._clean))
