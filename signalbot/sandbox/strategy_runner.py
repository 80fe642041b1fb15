"""Runs one strategy file: starts its worker on demand, and again after it died."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

from signalbot.domain.timeframe import Timeframe
from signalbot.sandbox.folder import Folder
from signalbot.sandbox.output_capture import LineSink
from signalbot.sandbox.response_parser import StrategyDescription, parse_description, parse_proposal
from signalbot.sandbox.worker import Worker, WorkerDied
from signalbot.settings.strategy import StrategySettings
from signalbot.strategies.base import SignalProposal, StrategyFailed, Tables

_MAX_SOURCE_BYTES = 1_000_000
_START_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerLimits:
    """Resource limits of one strategy file."""

    deadline_s: float = 30.0  #: for one candle
    memory_bytes: int = 512 * 1024 * 1024  #: in addition to the interpreter's own


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyFile:
    """A strategy file, read once; later edits of the file have no effect."""

    path: Path  #: absolute, without links
    folder: Folder = field(repr=False)  #: its folder, which the worker may read
    source: bytes = field(repr=False)
    timeframe: Timeframe
    params: Mapping[str, Any] = field(repr=False)  #: JSON values
    limits: WorkerLimits = field(default_factory=WorkerLimits)

    @classmethod
    def read(
        cls,
        path: Path,
        *,
        timeframe: Timeframe,
        params: Mapping[str, Any],
        limits: WorkerLimits | None = None,
    ) -> "StrategyFile":
        """Read the file at ``path``.

        Raises:
            StrategyFailed: it cannot be read, is too large, or others may change it.
        """
        try:
            place = path.resolve(strict=True)
            folder = Folder.open(place.parent)
            source = folder.read(place.name, most=_MAX_SOURCE_BYTES + 1)
            source.decode()
        except OSError as e:
            raise StrategyFailed(f"{path} cannot be read: {e.strerror}") from None
        except UnicodeDecodeError:
            raise StrategyFailed(f"{path} is not a text file in UTF-8") from None
        if len(source) > _MAX_SOURCE_BYTES:
            raise StrategyFailed(f"{path} is larger than {_MAX_SOURCE_BYTES:,} bytes")
        return cls(
            path=place,
            folder=folder,
            source=source,
            timeframe=timeframe,
            params=params,
            limits=limits or WorkerLimits(),
        )

    @classmethod
    def configured(cls, settings: StrategySettings) -> "StrategyFile":
        """Read the file of a strategy of kind "file".

        Raises:
            StrategyFailed: it cannot be read.
        """
        assert settings.path is not None  # noqa: S101 - required by the configuration
        limits = WorkerLimits(
            deadline_s=settings.deadline_s, memory_bytes=settings.memory_mb * 1024 * 1024
        )
        return cls.read(
            settings.path,
            timeframe=settings.candle_timeframe,
            params=settings.params,
            limits=limits,
        )


class StrategyRunner:
    """Runs one strategy file. Its methods block; all but ``kill`` and ``stop`` need one thread."""

    def __init__(self, file: StrategyFile, on_line: LineSink) -> None:
        self.file = file
        self._on_line = on_line
        self._worker: Worker | None = None
        self._number = 0
        self._is_stopped = Event()

    @property
    def pid(self) -> int | None:
        """Process id of the worker, if one is running."""
        return None if self._worker is None else self._worker.pid

    def describe(self) -> StrategyDescription:
        """Start a new worker and return the file's description.

        Raises:
            BadParameter: a configured parameter is invalid.
            StrategyFailed: the file cannot run.
            WorkerDied: the worker ended or timed out.
        """
        self.suspend()
        if self._is_stopped.is_set():
            raise WorkerDied("it was stopped")
        self._worker = worker = Worker(self._on_line, folder=self.file.folder.descriptor)
        if self._is_stopped.is_set():
            worker.kill()  # stopped while it started
        file = self.file
        hello = {
            "path": str(file.path),
            "timeframe": file.timeframe,
            "params": dict(file.params),
            "memory_bytes": file.limits.memory_bytes,
        }
        try:
            return parse_description(
                worker.request(hello, file.source, deadline_s=_START_TIMEOUT_S)
            )
        except BaseException:
            self.suspend()
            raise

    def evaluate(self, symbol: str, tables: Tables) -> SignalProposal | None:
        """Evaluate the newest candle of ``symbol``.

        Raises:
            StrategyFailed: the strategy raised, or its proposal is invalid; the worker continues.
            WorkerDied: the worker ended, timed out or violated the protocol; the next call starts
                another.
        """
        if self._worker is None:
            self.describe()
        assert self._worker is not None  # noqa: S101 - or describe has raised
        self._number += 1
        head = {
            "number": self._number,
            "symbol": symbol,
            "tables": [[name, len(table), table.close_ms] for name, table in tables.items()],
        }
        blob = b"".join(
            row.tobytes()
            for table in tables.values()
            for row in (table.open, table.high, table.low, table.close, table.volume)
        )
        try:
            response = self._worker.request(head, blob, deadline_s=self.file.limits.deadline_s)
        except BaseException:
            self.suspend()
            raise
        close = float(tables[self.file.timeframe].close[-1])
        return parse_proposal(response, number=self._number, close=close)

    def kill(self) -> None:
        """Kill the worker; a pending call fails. Thread-safe."""
        worker = self._worker
        if worker is not None:
            worker.kill()

    def stop(self) -> None:
        """Kill the worker and start no other. Thread-safe."""
        self._is_stopped.set()
        self.kill()

    def suspend(self) -> None:
        """End the worker until the next call."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.terminate()


__all__ = ["StrategyFile", "StrategyRunner", "WorkerDied", "WorkerLimits"]
