"""Checks that the daemon runs, responds, and is the one that systemd started."""

import shutil
import subprocess
from collections.abc import Iterator
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path

from signalbot.control.unix_http import unix_request
from signalbot.doctor.finding import Finding, note, passed, problem
from signalbot.doctor.installation import Installation
from signalbot.state_dir import SOCKET_NAME

NAME = "service"
ORDER = 100
_UNIT = "signalbot.service"
_TIMEOUT_S = 5.0
_MANY_RESTARTS = 3


def check(installation: Installation) -> Iterator[Finding]:
    unit = _unit()
    is_installed = unit.get("LoadState") == "loaded"
    if installation.pid is None:
        start = f"systemctl start {_UNIT}" if is_installed else "signalbot run"
        yield problem(
            NAME, f"no daemon runs on {installation.state_dir}", f"{start}; then read its log"
        )
    else:
        yield from _running(installation, installation.pid)
    if is_installed:
        yield from _of_unit(unit, installation.pid)


def _running(installation: Installation, pid: int) -> Iterator[Finding]:
    try:
        _request_health(installation.state_dir / SOCKET_NAME)
    except OSError as e:
        yield problem(
            NAME, f"process {pid} runs and its control socket does not respond: {e}",
            "unless it is starting or stopping, restart it: it recovers from the ledger",
        )  # fmt: skip
    else:
        yield passed(NAME, f"process {pid} runs and responds")


def _request_health(path: Path) -> None:
    """Request ``/healthz`` over the control socket.

    Raises:
        OSError: there is no healthy response in time.
    """
    try:
        status, _ = unix_request(path, "GET", "/healthz", timeout_s=_TIMEOUT_S)
    except HTTPException as e:
        raise ConnectionError(f"the response is not HTTP: {e}") from e
    if status != HTTPStatus.OK:
        raise ConnectionError(f"the daemon is not healthy: status {status}")


def _of_unit(unit: dict[str, str], pid: int | None) -> Iterator[Finding]:
    state, restarts = unit.get("ActiveState", ""), int(unit.get("NRestarts") or 0)
    if state != "active":
        yield problem(
            NAME, f"{_UNIT} is {state}", f"systemctl start {_UNIT}; journalctl -u {_UNIT} -n 50"
        )  # fmt: skip
    elif pid is not None and unit.get("MainPID") not in (str(pid), "0"):
        yield problem(
            NAME, f"{_UNIT} is process {unit.get('MainPID')}, and process {pid} uses this state",
            "two installations: compare their configurations, or stop one of them",
        )  # fmt: skip
    if restarts > _MANY_RESTARTS:
        yield note(
            NAME, f"{_UNIT} was restarted {restarts} times",
            f"journalctl -u {_UNIT} | grep -B20 daemon.crashed",
        )  # fmt: skip


def _unit() -> dict[str, str]:
    """The properties of the systemd unit; empty without systemd."""
    program = shutil.which("systemctl")
    if program is None:
        return {}
    properties = "--property=LoadState,ActiveState,MainPID,NRestarts"
    try:
        done = subprocess.run(  # noqa: S603 - constant arguments
            [program, "show", _UNIT, properties],
            capture_output=True, text=True, timeout=_TIMEOUT_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return {}
    pairs = (line.partition("=") for line in done.stdout.splitlines())
    return {name: value for name, _, value in pairs}
