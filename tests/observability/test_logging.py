"""The configured log: it has every message, and no secret."""

import asyncio
import errno
import json
import logging
import subprocess
import sys
from io import BytesIO, StringIO, TextIOWrapper
from types import SimpleNamespace

import pytest
import structlog

from signalbot.observability.logging.error_hooks import log_task_failure
from signalbot.observability.logging.secrets import SecretRegistry
from signalbot.observability.logging.setup import set_level
from tests.observability.conftest import Start

CANARY = "cAnArY7Value93xQ"
FORMATS = pytest.mark.parametrize("log_format", ["console", "json"])


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


class Recording(StringIO):
    """Remembers every write, and whether it was flushed."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    def write(self, text: str) -> int:
        self.calls.append(text)
        return super().write(text)

    def flush(self) -> None:
        self.calls.append("flush")


class Disk(StringIO):
    is_full = False

    def write(self, text: str) -> int:
        if self.is_full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(text)


@FORMATS
def test_nothing_below_the_level_is_logged(start: Start, log_format: str) -> None:
    """Each level includes those above it."""
    log = structlog.get_logger()
    for level, expected in (("debug", 4), ("info", 3), ("warning", 2), ("error", 1)):
        stream = start(log_format=log_format, level=level)
        for method in (log.debug, log.info, log.warning, log.error):
            method("candle.dropped")
        assert stream.getvalue().count("\n") == expected


def test_the_level_can_change_while_the_daemon_runs(start: Start) -> None:
    """Loggers in use follow, and so do libraries."""
    stream = start(level="warning")
    log = structlog.get_logger()
    log.info("signal.expired", n=1)
    set_level("debug")
    log.debug("signal.expired", n=2)
    logging.getLogger("library").info("three")
    assert "n=1" not in stream.getvalue()
    assert "n=2" in stream.getvalue()
    assert "message=three" in stream.getvalue()


def test_loggers_in_use_follow_a_new_configuration(start: Start) -> None:
    """No logger goes on writing to where it wrote first."""
    log = structlog.get_logger()
    before = start()
    log.info("daemon.ready")
    after = start(log_format="json", clock=lambda: 0)
    log.info("daemon.ready")
    assert before.getvalue().count("\n") == 1
    assert json.loads(after.getvalue())["ts"] == "1970-01-01T00:00:00.000Z"


@FORMATS
def test_times_are_those_of_the_given_clock(start: Start, log_format: str) -> None:
    """A replay is logged in its own time, to the millisecond, across seconds and days."""
    instants = iter([0, 999, 1000, 86_399_999, 86_400_000, 1])
    stream = start(log_format=log_format, clock=lambda: next(instants))
    for _ in range(6):
        structlog.get_logger().info("candle.dropped")
    stamps = [
        line.replace('{"ts": "', "").replace("T", " ")[:23]
        for line in stream.getvalue().splitlines()
    ]
    assert stamps == [
        "1970-01-01 00:00:00.000",
        "1970-01-01 00:00:00.999",
        "1970-01-01 00:00:01.000",
        "1970-01-01 23:59:59.999",
        "1970-01-02 00:00:00.000",
        "1970-01-01 00:00:00.001",
    ]


@FORMATS
def test_bound_facts_are_part_of_every_line(start: Start, log_format: str) -> None:
    """By the logger or by the context around the call; the call's own facts win."""
    stream = start(log_format=log_format)
    with structlog.contextvars.bound_contextvars(execution_id="ex7", leg="stop_loss"):
        structlog.get_logger().bind(exchange="binance").info("order.placed", leg="entry")
    assert all(part in stream.getvalue() for part in ("ex7", "binance", "entry"))
    assert "stop_loss" not in stream.getvalue()


def test_colours_are_for_terminals(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only there by default; NO_COLOR is respected."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    log = structlog.get_logger()

    def has_colours(stream: StringIO, colour: bool | None) -> bool:
        start(stream=stream, color=colour)
        log.error("order.rejected", user_id="alice")
        return "\x1b[" in stream.getvalue()

    assert has_colours(Terminal(), None)
    assert not has_colours(StringIO(), None)
    assert has_colours(StringIO(), colour=True)
    assert not has_colours(Terminal(), colour=False)
    monkeypatch.setenv("NO_COLOR", "1")
    assert not has_colours(Terminal(), None)


def test_every_line_is_one_write_that_is_flushed(start: Start) -> None:
    """Lines of several processes on one pipe do not mix, and none waits in a buffer."""
    stream = Recording()
    start(stream=stream)
    structlog.get_logger().info("daemon.ready")
    structlog.get_logger().info("daemon.stopping")
    first, flushed, second, flushed_again = stream.calls
    assert first.endswith("daemon.ready\n")
    assert second.endswith("daemon.stopping\n")
    assert flushed == flushed_again == "flush"


def test_the_log_of_a_killed_process_is_complete() -> None:
    """SIGKILL right after a call loses nothing of it."""
    done = run_script("log.info('order.placed', leg='entry'); os.kill(os.getpid(), signal.SIGKILL)")
    assert done.returncode == -9
    assert done.stdout.endswith("leg=entry\n")


def test_a_log_that_cannot_be_written_raises_nothing(start: Start) -> None:
    """A full disk or a reader that left must not get between a position and its stop."""
    log = structlog.get_logger()
    disk = start(stream=Disk())
    log.info("daemon.starting")
    disk.is_full = True
    log.info("position.opened")
    disk.is_full = False
    log.info("daemon.ready")
    assert [line.split()[-1] for line in disk.getvalue().splitlines()] == [
        "daemon.starting",
        "daemon.ready",
    ]
    disk.close()
    log.info("daemon.stopped")


def test_characters_the_stream_cannot_carry_are_spelt_out(start: Start) -> None:
    """A log in a C locale loses no line."""
    raw = BytesIO()
    start(stream=TextIOWrapper(raw, encoding="ascii"))
    structlog.get_logger().info("order.rejected", reason="Größe")
    assert raw.getvalue().endswith(b"reason=Gr\\xf6\\xdfe\n")


@FORMATS
def test_libraries_speak_through_the_same_log(start: Start, log_format: str) -> None:
    """Their warnings and errors are logged; lower levels are not."""
    chatty = logging.getLogger("chatty")
    chatty.addHandler(logging.StreamHandler(sys.stderr))
    chatty.propagate = False
    stream = start(log_format=log_format)
    chatty.info("hello")
    chatty.warning("slow %s", "answer")
    logging.getLogger("apscheduler.scheduler").error("no %d", "number")
    assert chatty.handlers == []
    assert stream.getvalue().count("library.logged") == 2
    assert "hello" not in stream.getvalue()
    assert "slow answer" in stream.getvalue()
    assert "no %d" in stream.getvalue()


def test_custom_levels_of_libraries_are_logged(start: Start) -> None:
    """A custom level is logged as the nearest one below it."""
    stream = start()
    for level in (35, 45, 99):
        logging.getLogger("odd").log(level, "x")
    assert [line[25:30] for line in stream.getvalue().splitlines()] == ["WARN ", "ERROR", "FATAL"]


def test_uncaught_exceptions_and_warnings_end_in_the_log() -> None:
    """Of the main thread, of another one, of a finalizer: nothing goes to standard error.

    Warnings do not either.
    """
    done = run_script(
        f"""
class Careless:
    def __del__(self):
        raise ValueError("in a finalizer, {CANARY}")

def work():
    raise ValueError("in a thread, {CANARY}")

warnings.warn("in a warning, {CANARY}")
Careless()
thread = threading.Thread(target=work, name="worker")
thread.start()
thread.join()
raise ValueError("in the daemon, {CANARY}")
"""
    )
    assert done.returncode == 1
    assert done.stderr == ""
    assert "UserWarning: in a warning, ***" in done.stdout
    for event in ("finalizer.failed", "thread.crashed", "daemon.crashed"):
        assert done.stdout.count(event) == 1
    for where in ("finalizer", "thread", "daemon"):
        assert f"ValueError: in a {where}, ***" in done.stdout.replace("the daemon", "a daemon")
    assert CANARY not in done.stdout


async def test_what_tasks_leave_behind_ends_in_the_log(start: Start) -> None:
    """The event loop's last word is an event with its traceback."""
    stream = start()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(log_task_failure)
    loop.call_exception_handler({"message": "lost", "exception": ValueError("why")})
    assert "task.failed" in stream.getvalue()
    assert "message=lost" in stream.getvalue()
    assert stream.getvalue().endswith("    ValueError: why\n")


@FORMATS
def test_no_secret_is_ever_seen(start: Start, log_format: str) -> None:
    """Known values stay hidden on every way a text can take into the log."""
    secrets = SecretRegistry()
    secrets.add(CANARY)
    stream = start(log_format=log_format, level="debug", secrets=secrets)
    log = structlog.get_logger()
    nested = {"list": [CANARY, {CANARY: CANARY}], "object": SimpleNamespace(key=CANARY)}
    log.info("order.rejected", user_id=CANARY, symbol=f"a{CANARY}b", cause=CANARY, nested=nested)
    log.info("order.rejected", **{CANARY: CANARY.encode()}, error=ValueError(CANARY))
    log.info("order." + CANARY)  # noqa: G003 - an event as it must not be
    logging.getLogger("ccxt").warning("sent %s", {"key": CANARY})
    logging.getLogger(CANARY).warning("x")
    for why in (f"a {CANARY}", nested):
        try:
            fail(why)
        except RuntimeError:
            log.exception("user.failed")
            logging.getLogger("uvicorn").exception("failed")
    assert stream.getvalue().count("***") > 20
    assert CANARY not in stream.getvalue()


def fail(why: object) -> None:
    raise RuntimeError("while doing something") from ValueError(why)


def run_script(body: str) -> "subprocess.CompletedProcess[str]":
    """Run a script that has its log on standard output."""
    preamble = f"""
import os, signal, sys, threading, warnings, structlog
from signalbot.observability.logging.setup import configure_logging
from signalbot.observability.logging.secrets import SecretRegistry
secrets = SecretRegistry()
secrets.add({CANARY!r})
configure_logging(
    log_format="console", level="info", stream=sys.stdout, clock=lambda: 0, secrets=secrets
)
log = structlog.get_logger()
"""
    return subprocess.run(
        [sys.executable, "-c", preamble + body], capture_output=True, text=True, check=False
    )
