"""Reports the daemon's state to systemd: ready, alive, reloading, stopping (``sd_notify(3)``)."""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress


class SystemdNotifier:
    """Sends states to systemd; does nothing outside of a unit of ``Type=notify``."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        path = environment.get("NOTIFY_SOCKET", "")
        self._address = f"\0{path[1:]}" if path.startswith("@") else path
        self.watchdog_s = _watchdog_s(
            environment
        )  #: the interval within which systemd expects a ping; None: no watchdog

    def notify(self, *assignments: str) -> None:
        """Send lines such as ``READY=1`` in one message, without waiting.

        A message that systemd cannot accept now is lost; the next one replaces it.
        """
        if not self._address:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            sender.sendto("\n".join(assignments).encode(), self._address)


def _watchdog_s(environment: Mapping[str, str]) -> float | None:
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None  # the watchdog expects pings from another process of the unit
    limit_us = environment.get("WATCHDOG_USEC", "")
    return int(limit_us) / 1e6 if limit_us.isdigit() and int(limit_us) else None
