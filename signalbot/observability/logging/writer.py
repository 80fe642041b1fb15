"""Where log lines go: at once, whole, and never in the way of a trade."""

import sys
from threading import RLock
from typing import TextIO


class LogWriter:
    """What structlog hands every finished line to; its stream can be exchanged at any time.

    Each line is one write that has left the process before the call returns, so a killed daemon has
    told everything up to its last step. A stream that cannot be written (closed pipe, full disk)
    loses lines and disturbs nobody.
    """

    def __init__(self) -> None:
        self.stream: TextIO = sys.stderr
        self._lock = RLock()

    def write(self, line: str) -> None:
        """Write a line that ends with its line feed."""
        stream = self.stream
        with self._lock:
            try:
                stream.write(line)
                stream.flush()
            except UnicodeEncodeError:
                self.write(line.encode("ascii", "backslashreplace").decode("ascii"))
            except (OSError, ValueError):
                return
