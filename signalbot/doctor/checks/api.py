"""Whether the address that webhooks are sent to is answered by this daemon."""

import http.client
import json
from collections.abc import Iterator

from signalbot.doctor.finding import Finding, passed, problem
from signalbot.doctor.installation import Installation

_CHECK = "api"
_TIMEOUT_S = 5.0
_OK = 200


def check(installation: Installation) -> Iterator[Finding]:
    if installation.pid is None:
        return
    terms = installation.config.api
    try:
        answer = _health(terms.host, terms.port)
    except (OSError, http.client.HTTPException) as e:
        yield problem(
            _CHECK, f"{terms.listen} does not answer: {e}",
            "look in the log for api.bind_failed: another program may have the port",
        )  # fmt: skip
        return
    if answer == {"status": "ok"}:
        yield passed(_CHECK, f"{terms.listen} answers")
    else:
        yield problem(
            _CHECK, f"{terms.listen} is answered by another program",
            "stop that one, or set another [api] listen and restart",
        )  # fmt: skip


def _health(host: str, port: int) -> object:
    """What ``/healthz`` answers; None when it is no answer of ours."""
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - asked, not bound
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
