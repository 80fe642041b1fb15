"""Checks that this daemon serves the configured API address."""

import http.client
import json
from collections.abc import Iterator

from signalbot.doctor.finding import Finding, passed, problem
from signalbot.doctor.installation import Installation

NAME = "api"
ORDER = 110
_TIMEOUT_S = 5.0
_OK = 200


def check(installation: Installation) -> Iterator[Finding]:
    if installation.pid is None:
        return
    api = installation.config.api
    try:
        answer = _health(api.host, api.port)
    except (OSError, http.client.HTTPException) as e:
        yield problem(
            NAME, f"{api.listen} does not respond: {e}",
            "look for api.bind_failed in the log: another program may use the port",
        )  # fmt: skip
        return
    if answer == {"status": "ok"}:
        yield passed(NAME, f"{api.listen} responds")
    else:
        yield problem(
            NAME, f"another program uses {api.listen}",
            "stop it, or set another [api] listen and restart",
        )  # fmt: skip


def _health(host: str, port: int) -> object:
    """The response of ``/healthz``; None when it is not from signalbot."""
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - a request, not a bind
    connection = http.client.HTTPConnection(local, port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", "/healthz", headers={"Host": "localhost"})
        response = connection.getresponse()
        content = response.read(1024)
        return json.loads(content) if response.status == _OK else None
    except ValueError:
        return None
    finally:
        connection.close()
