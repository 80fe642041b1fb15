"""One worker process: starts it, exchanges frames with a deadline, and ends it."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from threading import Lock
from time import perf_counter
from typing import Any

import signalbot
from signalbot.sandbox.inside import entrypoint
from signalbot.sandbox.output_capture import LineSink, OutputCapture, OutputLimitExceeded
from signalbot.sandbox.protocol import HEADER, pack_frame

_MAX_RESPONSE_BYTES = 65_536
_MAX_OUTPUT_BYTES = 1_048_576
_CHUNK_BYTES = 65_536
_DRAIN_TIMEOUT_S = 0.3
_ENVIRONMENT = {
    "PYTHONHASHSEED": "0",  # same iteration order of sets, live and replayed
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


class WorkerDied(Exception):
    """The worker ended; the message is the reason and its last output."""


class Worker:
    """A process that runs one strategy file. All methods but ``kill`` need one thread at a time.

    The process ends with the thread that started it. Between requests it is stopped (SIGSTOP).
    """

    def __init__(self, on_line: LineSink, *, folder: int) -> None:
        """Start a worker that may read ``folder``, an open descriptor.

        Raises:
            WorkerDied: the system has no process or descriptor available.
        """
        self._output_capture = OutputCapture(on_line, limit_bytes=_MAX_OUTPUT_BYTES)
        self._received = bytearray()
        self._lock = Lock()
        self._is_terminated = False
        self._own_ends: list[int] = []
        worker_ends: list[int] = []
        try:
            for _ in range(3):
                reading, writing = os.pipe2(os.O_CLOEXEC)
                self._own_ends += (reading, writing)
            requests, self._requests, self._responses, responses, self._output, output = (
                self._own_ends
            )
            worker_ends = [requests, responses, output]
            self._own_ends = [self._requests, self._responses, self._output]
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and script
                [
                    *(sys.executable, "-s", "-P", "-B", "-X", "utf8", entrypoint.__file__),
                    str(Path(signalbot.__file__).parents[1]),
                    *map(str, (requests, responses, folder, os.getpid())),
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(requests, responses, folder),
                env=_ENVIRONMENT,
                cwd="/",
                start_new_session=True,
            )
        except OSError as e:
            self._close()
            raise WorkerDied(f"no process can be started: {e.strerror}") from None
        except BaseException:
            self._close()
            raise
        finally:
            for end in worker_ends:
                os.close(end)
        for end in self._own_ends:
            os.set_blocking(end, False)

    @property
    def pid(self) -> int:
        return self._process.pid

    def request(self, head: Mapping[str, Any], blob: bytes = b"", *, deadline_s: float) -> Any:
        """Send a request and return the JSON value of the response, not validated.

        Raises:
            WorkerDied: it timed out, ended, or violated the protocol; the process has ended.
        """
        self._output_capture.begin_candle()
        try:
            self._signal(signal.SIGCONT)
            text = self._exchange_frames(pack_frame(head, blob), perf_counter() + deadline_s)
            self._signal(signal.SIGSTOP)
            return json.loads(text)
        except TimeoutError:
            self._signal(signal.SIGABRT)  # faulthandler prints the stack
            self._drain_output(_DRAIN_TIMEOUT_S)
            raise self._terminated_error(f"it did not respond within {deadline_s:g} s") from None
        except EOFError:
            self._drain_output(_DRAIN_TIMEOUT_S)
            raise self._terminated_error("") from None
        except (OutputLimitExceeded, ValueError, RecursionError) as e:
            raise self._terminated_error(f"{e}" or type(e).__name__) from None

    def kill(self) -> None:
        """Kill the process group. Thread-safe."""
        self._signal(signal.SIGKILL)

    def terminate(self) -> int:
        """Kill the process, wait for it and close its pipes; return its exit code."""
        self.kill()
        code = self._process.wait()
        with self._lock:
            if not self._is_terminated:
                self._is_terminated = True
                self._close()
        return code

    def _close(self) -> None:
        for end in self._own_ends:
            os.close(end)

    def _signal(self, number: signal.Signals) -> None:
        """Signal the process group, unless its id may already be reused."""
        with self._lock, suppress(ProcessLookupError):
            if not self._is_terminated and self._process.returncode is None:
                os.killpg(self._process.pid, number)

    def _exchange_frames(self, request: bytes, end_s: float) -> bytes:
        """Send a frame and return the response, reading the output concurrently."""
        unsent = memoryview(request)
        while True:
            for end in self._wait(end_s, writing=bool(unsent)):
                if end == self._requests:
                    unsent = unsent[self._send(unsent) :]
                elif end == self._output:
                    self._read_output()
                else:
                    self._received += self._receive(self._responses)
            if not unsent and (text := self._frame()) is not None:
                return text

    def _wait(self, end_s: float, *, writing: bool) -> list[int]:
        remaining_s = end_s - perf_counter()
        ready = select.poll()
        ready.register(self._responses, select.POLLIN)
        ready.register(self._output, select.POLLIN)
        if writing:
            ready.register(self._requests, select.POLLOUT)
        found = (
            [end for end, _ in ready.poll(max(0, remaining_s * 1000))] if remaining_s > 0 else []
        )
        if not found:
            raise TimeoutError
        return found

    def _send(self, unsent: memoryview) -> int:
        try:
            return os.write(self._requests, unsent)
        except BrokenPipeError:
            raise EOFError from None

    def _receive(self, end: int) -> bytes:
        chunk = os.read(end, _CHUNK_BYTES)
        if not chunk:
            raise EOFError
        return chunk

    def _read_output(self) -> None:
        with suppress(BlockingIOError):
            self._output_capture.feed(self._receive(self._output))

    def _frame(self) -> bytes | None:
        """Return the text of the response once it is complete, else None.

        Raises:
            ValueError: it is too long, or more than one frame.
        """
        received = self._received
        if len(received) < HEADER.size:
            return None
        size, blob_size = HEADER.unpack_from(received)
        if size > _MAX_RESPONSE_BYTES or blob_size:
            raise ValueError("its response is too long")
        if len(received) < HEADER.size + size:
            return None
        if len(received) > HEADER.size + size:
            raise ValueError("it sent more than one response")
        text = bytes(received[HEADER.size :])
        received.clear()
        return text

    def _drain_output(self, most_s: float) -> None:
        """Read remaining output until the pipe is silent or ``most_s`` has passed."""
        end_s = perf_counter() + most_s
        with suppress(EOFError, OutputLimitExceeded):
            while (remaining_s := end_s - perf_counter()) > 0:
                ready = select.poll()
                ready.register(self._output, select.POLLIN)
                if not ready.poll(remaining_s * 1000):
                    return
                self._read_output()

    def _terminated_error(self, why: str) -> WorkerDied:
        code = self.terminate()
        reason = why or _exit_reason(code)
        return WorkerDied("\n".join((reason, *self._output_capture.last_lines)))


def _exit_reason(code: int) -> str:
    if code >= 0:
        return f"its process ended itself with exit code {code}"
    with suppress(ValueError):
        return f"its process was ended by {signal.Signals(-code).name}"
    return f"its process was ended by signal {-code}"
