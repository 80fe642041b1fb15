"""Logging is set up for one test and forgotten after it."""

import logging
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
import structlog

from signalbot.observability.logging.setup import configure_logging

NOW_MS = 1_790_000_000_123  #: 2026-09-21 14:13:20.123 UTC

Start = Callable[..., Any]


@pytest.fixture
def start() -> Iterator[Start]:
    """Configure the log with these changes to a plain console; return where it goes."""
    root = logging.getLogger()
    before = (
        sys.excepthook,
        threading.excepthook,
        sys.unraisablehook,
        warnings.showwarning,
        root.level,
        list(root.handlers),
    )

    def configured(**changes: Any) -> StringIO:
        stream: StringIO = changes.get("stream") or StringIO()
        terms: dict[str, Any] = {"log_format": "console", "level": "info", "clock": lambda: NOW_MS}
        configure_logging(**terms | changes | {"stream": stream})
        return stream

    yield configured
    configured()  # loggers in use keep their parts: what this test has put in must not outlive it
    logging.captureWarnings(capture=False)
    sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.showwarning = before[:4]
    root.setLevel(before[4])
    root.handlers[:] = before[5]
    structlog.reset_defaults()
