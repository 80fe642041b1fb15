"""Starts ``signalbot`` as processes of its own that need not load their libraries anew.

A server, one for each process of pytest, has loaded everything and forks for each command line.
What it forks is a process like any other: its memory is its own, it can be stopped and killed.
The tests of the service and of the bare command line start ``python -m signalbot`` itself.
"""

import atexit
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile
from typing import NoReturn

_MOST = 1 << 20  # bytes of a request; an environment fits


class ForkedProcess:
    """A process under way, used like ``subprocess.Popen``."""

    def __init__(self, pid: int, exits: "_Exits") -> None:
        self.pid = pid
        self._exits = exits

    @property
    def returncode(self) -> int | None:
        """None while it runs; the negative number of the signal that killed it."""
        return self._exits.codes.get(self.pid)

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code.

        Raises:
            subprocess.TimeoutExpired: it runs on.
        """
        with self._exits.changed:
            if not self._exits.changed.wait_for(lambda: self.returncode is not None, timeout):
                raise subprocess.TimeoutExpired("signalbot", timeout or 0.0)
        code = self.returncode
        assert code is not None
        return code

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class _Exits:
    """What has ended, and how."""

    def __init__(self) -> None:
        self.codes: dict[int, int] = {}
        self.changed = threading.Condition()


class _Server:
    def __init__(self) -> None:
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.forked_process", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
        )
        theirs.close()
        self._exits = _Exits()
        self._started: list[int] = []
        self._spawning = threading.Lock()
        threading.Thread(target=self._listen, daemon=True).start()

    def spawn(
        self, arguments: list[str], env: Mapping[str, str], cwd: Path, fds: tuple[int, int, int]
    ) -> ForkedProcess:
        request = json.dumps([arguments, dict(env), str(cwd)]).encode()
        with self._spawning, self._exits.changed:
            socket.send_fds(self._ours, [request], list(fds))
            self._exits.changed.wait_for(lambda: self._started)
            return ForkedProcess(self._started.pop(), self._exits)

    def _listen(self) -> None:
        while told := self._ours.recv(_MOST):
            what, *facts = json.loads(told)
            with self._exits.changed:
                if what == "started":
                    self._exits.codes.pop(facts[0], None)  # an old process's number, given again
                    self._started.append(facts[0])
                else:
                    self._exits.codes[facts[0]] = facts[1]
                self._exits.changed.notify_all()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._ours.close()


@cache
def _server() -> _Server:
    server = _Server()
    atexit.register(server.close)
    return server


def fork(
    *arguments: str,
    stdout: int,
    stderr: int | None = None,
    stdin: int | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> ForkedProcess:
    """Run ``signalbot`` with these arguments; what is not told apart goes to ``stdout``, too."""
    with Path(os.devnull).open("rb") as nothing:
        fds = (
            nothing.fileno() if stdin is None else stdin,
            stdout,
            stdout if stderr is None else stderr,
        )
        variables = os.environ if env is None else env
        return _server().spawn(list(arguments), variables, cwd or Path.cwd(), fds)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletedRun:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


def run(
    *arguments: str,
    stdin: str = "",
    timeout: float = 60,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> CompletedRun:
    """Run one command to its end.

    Raises:
        subprocess.TimeoutExpired: it runs on.
    """
    with TemporaryFile() as given, TemporaryFile() as out, TemporaryFile() as err:
        given.write(stdin.encode())
        given.seek(0)
        process = fork(
            *arguments, stdin=given.fileno(), stdout=out.fileno(), stderr=err.fileno(),
            env=env, cwd=cwd,
        )  # fmt: skip
        code = process.wait(timeout)
        out.seek(0)
        err.seek(0)
        return CompletedRun(code=code, out=out.read().decode(), err=err.read().decode())


# --- the server's side ------------------------------------------------------------------------


def _serve(line: socket.socket) -> None:
    """Fork for every request until nobody asks any more; then end whatever still runs."""
    running: set[int] = set()
    woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        ready, _, _ = select.select([line.fileno(), woken], [], [])
        if woken in ready:
            os.read(woken, 4096)
            _reap(line, running)
        if line.fileno() in ready:
            request, fds, _, _ = socket.recv_fds(line, _MOST, 3)
            if not request:
                break
            pid = os.fork()
            if pid == 0:
                line.close()
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                arguments, env, cwd = json.loads(request)
                _become(arguments, env, cwd, fds)
            running.add(pid)
            for fd in fds:
                os.close(fd)
            line.send(json.dumps(["started", pid]).encode())
    for pid in running:
        os.kill(pid, signal.SIGKILL)


def _reap(line: socket.socket, running: set[int]) -> None:
    for pid in list(running):
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            running.discard(pid)
            line.send(json.dumps(["ended", pid, os.waitstatus_to_exitcode(status)]).encode())


def _become(arguments: list[str], env: Mapping[str, str], cwd: str, fds: list[int]) -> NoReturn:
    """Run the command line in this fresh process, and leave it."""
    from signalbot.__main__ import main

    code: object = 0
    try:
        for target, fd in enumerate(fds):
            os.dup2(fd, target)
        os.closerange(3, max(fds) + 1)
        sys.stdin, sys.stdout = open(0, closefd=False), open(1, "w", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
        os.environ.clear()
        os.environ.update(env)
        os.chdir(cwd)
        sys.argv = ["signalbot", *arguments]
        main()
    except SystemExit as e:
        code = e.code
    except BaseException:  # noqa: BLE001 - told as the interpreter would
        sys.excepthook(*sys.exc_info())
        code = 1
    finally:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else int(code is not None))


def _load() -> None:
    """Everything that a daemon and its commands load."""
    for name in (
        "ccxt.pro",
        "signalbot.daemon.process",
        "signalbot.api.build",
        "signalbot.__main__",
    ):
        import_module(name)
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    _load()
    with socket.socket(fileno=int(sys.argv[1])) as asked:
        _serve(asked)
