"""The messages to systemd over its socket."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from signalbot.observability.systemd import SystemdNotifier


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(str(tmp_path / "notify"))
        bound.settimeout(5)
        yield bound


def test_lines_arrive_as_one_message(listener: socket.socket) -> None:
    """Systemd reads a message whole: state and status belong together."""
    SystemdNotifier({"NOTIFY_SOCKET": listener.getsockname()}).notify(
        "READY=1", "STATUS=all is well"
    )
    assert listener.recv(4096) == b"READY=1\nSTATUS=all is well"


def test_an_abstract_socket_is_understood() -> None:
    """Containers hand over an address that begins with @."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        name = f"signalbot-test-{os.getpid()}"
        bound.bind(f"\0{name}")
        bound.settimeout(5)
        SystemdNotifier({"NOTIFY_SOCKET": f"@{name}"}).notify("WATCHDOG=1")
        assert bound.recv(4096) == b"WATCHDOG=1"


def test_a_full_socket_does_not_block(listener: socket.socket) -> None:
    """A thousand unread messages: the daemon continues."""
    systemd = SystemdNotifier({"NOTIFY_SOCKET": listener.getsockname()})
    for _ in range(1000):
        systemd.notify("WATCHDOG=1", f"STATUS={'x' * 500}")
    assert listener.recv(4096).startswith(b"WATCHDOG=1")


def test_outside_of_systemd_nothing_is_sent(tmp_path: Path) -> None:
    """In a terminal, and when the socket has gone, telling is harmless."""
    SystemdNotifier({}).notify("READY=1")
    SystemdNotifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).notify("READY=1")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
    ],
)
def test_only_the_watched_process_pings_the_watchdog(
    environment: dict[str, str], expected: float | None
) -> None:
    """The interval is systemd's; another process' watchdog is not ours."""
    assert SystemdNotifier(environment).watchdog_s == expected
