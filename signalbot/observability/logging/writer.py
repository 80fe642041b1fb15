"""Writes log lines immediately and completely, and never raises."""

import sys
from threading import RLock
from typing import TextIO


class LogWriter:
    """The sink of structlog; its stream can be replaced at any time.

    Each line is one write that is flushed before the call returns, so the log of a killed daemon is
    complete. A stream that cannot be written (closed pipe, full disk) loses lines silently.
    """

    def __init__(self) -> None:
        self.stream: TextIO = sys.stderr
        self._lock = RLock()

    def write(self, line: str) -> None:
        """Write a line, which includes its line feed."""
        stream = self.stream
        with self._lock:
            try:
                stream.write(line)
                stream.flush()
            except UnicodeEncodeError:
                self.write(line.encode("ascii", "backslashreplace").decode("ascii"))
            except (OSError, ValueError):
                return
