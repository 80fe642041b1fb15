"""Configures the log: format, level, stream, clock and redaction."""

import logging
import os
from collections.abc import Callable
from typing import Any, Literal, TextIO

import structlog

from signalbot.observability.logging.console import ConsoleRenderer
from signalbot.observability.logging.error_hooks import capture_crashes, capture_library_logs
from signalbot.observability.logging.json_lines import JsonRenderer
from signalbot.observability.logging.redaction import Redaction
from signalbot.observability.logging.secrets import SecretRegistry
from signalbot.observability.logging.writer import LogWriter

LogFormat = Literal["console", "json"]

#: The level of library messages for each level of the log; otherwise warnings.
_LIBRARY_LEVELS = {"debug": logging.INFO, "error": logging.ERROR, "critical": logging.CRITICAL}


class _Logger(structlog.BoundLoggerBase):
    """structlog's filtering logger of the level in force, with a shorter call path."""

    def _proxy_to_logger(self, method_name: str, event: str | None = None, **facts: object) -> None:
        line: Any = {**self._context, **facts, "event": event}
        try:
            for processor in self._processors:
                line = processor(self._logger, method_name, line)
        except structlog.DropEvent:
            return
        self._logger.write(line)


# Loggers are cached at their first use, which saves 2 µs per line. So these objects never change,
# and ``configure_logging`` changes their content.
_processors: list[structlog.typing.Processor] = []
_writer = LogWriter()


def configure_logging(
    *,
    log_format: LogFormat,
    level: str,
    stream: TextIO,
    clock: Callable[[], int],
    color: bool | None = None,
    secrets: SecretRegistry | None = None,
) -> None:
    """Log to ``stream`` from ``level`` up, at the times of ``clock`` (epoch ms).

    May be called again at any time, and applies to every logger. ``color`` defaults to terminals.
    Values added to ``secrets``, also later, are masked. Warnings, uncaught exceptions and library
    messages are logged too. The caller connects the event loop:
    ``loop.set_exception_handler(log_task_failure)``, see ``error_hooks``.
    """
    redaction = Redaction(secrets or SecretRegistry())
    render: structlog.typing.Processor
    if log_format == "json":
        render = JsonRenderer(clock, redaction)
    else:
        color = _wants_color(stream) if color is None else color
        render = ConsoleRenderer(clock, redaction, color=color)
    _writer.stream = stream
    _processors[:] = [structlog.contextvars.merge_contextvars, render]
    set_level(level)
    structlog.configure(
        processors=_processors,
        wrapper_class=_Logger,
        logger_factory=lambda *_: _writer,
        cache_logger_on_first_use=True,
    )
    capture_crashes()


def set_level(level: str) -> None:
    """Log from ``level`` (debug, info, warning, error or critical) up."""
    filtering = structlog.make_filtering_bound_logger(level)
    for name, method in vars(filtering).items():
        if not name.startswith("_"):
            setattr(_Logger, name, method)
    capture_library_logs(_LIBRARY_LEVELS.get(level, logging.WARNING))


def _wants_color(stream: TextIO) -> bool:
    """Whether ``stream`` is a terminal without ``NO_COLOR``, see https://no-color.org."""
    dumb = os.environ.get("TERM") == "dumb" or bool(os.environ.get("NO_COLOR"))
    return stream.isatty() and not dumb
