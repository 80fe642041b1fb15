"""Redirects uncaught exceptions, library messages and warnings into the log."""

import asyncio
import logging
import sys
import threading
from types import TracebackType
from typing import Any

import structlog

from signalbot.observability.logging.values import value_text

log = structlog.get_logger()


class LibraryLogHandler(logging.Handler):
    """Logs messages of the standard library's logging as ``library.logged``."""

    def emit(self, record: logging.LogRecord) -> None:
        severity = min(max(record.levelno // 10 * 10, logging.DEBUG), logging.CRITICAL)
        log.log(
            severity,
            "library.logged",
            logger=record.name,
            message=value_text(_LazyMessage(record)),
            exc_info=record.exc_info,
        )


class _LazyMessage:
    """A record's message, formatted on use: its arguments may not fit its pattern."""

    def __init__(self, record: logging.LogRecord) -> None:
        self._record = record

    def __str__(self) -> str:
        return self._record.getMessage()

    def __repr__(self) -> str:
        return f"{self._record.msg} {self._record.args}"


def capture_library_logs(level: int) -> None:
    """Send the output of every standard logger to this log, from ``level`` up."""
    root = logging.getLogger()
    root.handlers[:] = [LibraryLogHandler()]
    root.setLevel(level)
    for logger in root.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            logger.handlers.clear()
            logger.propagate = True
    logging.getLogger("apscheduler").setLevel(max(level, logging.WARNING))
    logging.captureWarnings(capture=True)


def capture_crashes() -> None:
    """Log uncaught exceptions of the main thread, other threads and finalizers."""
    sys.excepthook = _crashed
    threading.excepthook = _thread_crashed
    sys.unraisablehook = _finalizer_failed


def log_task_failure(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log exceptions of tasks and callbacks; the event loop's exception handler."""
    log.error(
        "task.failed",
        message=context.get("message"),
        task=_task_name(context),
        exc_info=context.get("exception"),
    )


def _task_name(context: dict[str, Any]) -> str | None:
    task = context.get("task") or context.get("future")
    return task.get_name() if isinstance(task, asyncio.Task) else None


def _crashed(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        log.error("daemon.crashed", exc_info=error)


def _thread_crashed(crash: threading.ExceptHookArgs) -> None:
    if not issubclass(crash.exc_type, SystemExit):
        name = None if crash.thread is None else crash.thread.name
        log.error("thread.crashed", thread=name, exc_info=crash.exc_value)


def _finalizer_failed(failure: "sys.UnraisableHookArgs") -> None:
    log.error(
        "finalizer.failed",
        message=failure.err_msg,
        during=failure.object,
        exc_info=failure.exc_value,
    )
