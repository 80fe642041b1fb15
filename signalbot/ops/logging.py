"""Sets up the log: one format, one stream, one clock, no secrets."""

import logging
import os
from collections.abc import Callable
from typing import Any, Literal, TextIO

import structlog

from signalbot.ops.console import ConsoleLines
from signalbot.ops.hooks import adopt_crashes, adopt_libraries
from signalbot.ops.json_lines import JsonLines
from signalbot.ops.lines import LineWriter
from signalbot.ops.redaction import Redaction
from signalbot.ops.secrets import Secrets

LogFormat = Literal["console", "json"]

#: What libraries say is of interest when it is a warning, or when somebody looks closely.
_LIBRARY_LEVELS = {"debug": logging.INFO, "error": logging.ERROR, "critical": logging.CRITICAL}


class _Logger(structlog.BoundLoggerBase):
    """structlog's filtering logger of whichever level is in force, on the shortest way out."""

    def _proxy_to_logger(self, method_name: str, event: str | None = None, **facts: object) -> None:
        line: Any = {**self._context, **facts, "event": event}
        try:
            for processor in self._processors:
                line = processor(self._logger, method_name, line)
        except structlog.DropEvent:
            return
        self._logger.write(line)


# A logger is put together at its first use and keeps its parts, which saves 2 µs per line. So the
# parts are always these, and ``configure`` changes what is in them.
_chain: list[structlog.typing.Processor] = []
_lines = LineWriter()


def configure(
    *,
    log_format: LogFormat,
    level: str,
    stream: TextIO,
    clock: Callable[[], int],
    colour: bool | None = None,
    secrets: Secrets | None = None,
) -> None:
    """Log to ``stream`` from ``level`` up, at the times of ``clock`` (epoch ms).

    May be called again at any time and then holds for every logger, used before or not. ``colour``
    is by default for terminals only. What is added to ``secrets``, also later, is never shown.
    Warnings, uncaught exceptions and what libraries log come here too. The event loop is the
    caller's to connect: ``loop.set_exception_handler(task_failed)``, see ``ops.hooks``.
    """
    redaction = Redaction(secrets or Secrets())
    render: structlog.typing.Processor
    if log_format == "json":
        render = JsonLines(clock, redaction)
    else:
        colour = _wants_colour(stream) if colour is None else colour
        render = ConsoleLines(clock, redaction, colour=colour)
    _lines.stream = stream
    _chain[:] = [structlog.contextvars.merge_contextvars, render]
    set_level(level)
    structlog.configure(
        processors=_chain,
        wrapper_class=_Logger,
        logger_factory=lambda *_: _lines,
        cache_logger_on_first_use=True,
    )
    adopt_crashes()


def set_level(level: str) -> None:
    """Log from ``level`` (debug, info, warning, error or critical) up, whatever it was before."""
    filtering = structlog.make_filtering_bound_logger(level)
    for name, method in vars(filtering).items():
        if not name.startswith("_"):
            setattr(_Logger, name, method)
    adopt_libraries(_LIBRARY_LEVELS.get(level, logging.WARNING))


def _wants_colour(stream: TextIO) -> bool:
    """Terminals do, unless their owner says otherwise: https://no-color.org."""
    dumb = os.environ.get("TERM") == "dumb" or bool(os.environ.get("NO_COLOR"))
    return stream.isatty() and not dumb
