"""Notice destinations, through apprise. Everything here blocks and must run in a thread."""

import logging
import re
import threading
from collections.abc import Awaitable, Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from signalbot.notifications.message import Message

if TYPE_CHECKING:
    from apprise import Apprise

_MAX_CHARACTERS = 3_500
_MARKUP_ALLOWANCE = 200  # characters that a service may add: markup, escapes
_SILENT_PARAMETERS = {
    "tgram": "silent=yes",
    "discord": "flags=4096",
    "ntfy": "priority=low",
    "ntfys": "priority=low",
    "pover": "priority=low",
    "gotify": "priority=low",
    "gotifys": "priority=low",
}
"""The URL parameter for silent delivery, by scheme of the services that support it."""

_PARTS = re.compile(r"[/?&=@,;]+")
SecretResolver = Callable[[str], Awaitable[str]]
"""Resolves ``secret:NAME`` to its text, other texts to themselves; raises ``ConfigError``."""

_MIN_SECRET_LENGTH = 12
_MIN_MIXED_SECRET_LENGTH = 8


class UnknownDestination(ValueError):
    """apprise does not support a URL; the message names its scheme and nothing else of it."""


class Destination:
    """One apprise service; a message has at most ``capacity`` characters."""

    def __init__(self, url: str) -> None:
        """Open ``url``.

        Raises:
            UnknownDestination: apprise does not know the scheme, or the URL is incomplete.
        """
        self.scheme = url.partition("://")[0].lower()
        self._audible, self.capacity = _opened(url)
        self._silent = self._audible
        if parameter := _SILENT_PARAMETERS.get(self.scheme):
            self._silent, _ = _opened(f"{url}{'&' if '?' in url else '?'}{parameter}")

    def send(self, message: Message, *, is_silent: bool) -> str | None:
        """Deliver a message; return None on success, else the reason that the service gave."""
        apprise = self._silent if is_silent else self._audible
        errors = _captured_errors()
        errors.begin()
        is_accepted = apprise.notify(
            title=message.title, body=message.body, body_format="text", notify_type="info"
        )
        reason = errors.end()
        return None if is_accepted else reason or "the service did not accept it"


def url_secrets(url: str) -> Iterator[str]:
    """Parts of a notification URL to mask: everything that could be a key or a token."""
    rest = url.partition("://")[2]
    yield url
    yield rest
    login, at, _ = rest.partition("@")
    if at and ":" in login:
        yield unquote(login.partition(":")[2])
    for part in _PARTS.split(rest):
        for piece in {part, *part.split(":")}:
            if _looks_secret(piece):
                yield piece
                yield unquote(piece)


def _looks_secret(piece: str) -> bool:
    if "." in piece:  # a host
        return False
    is_mixed = piece != piece.lower() or any(map(str.isdigit, piece))
    return len(piece) >= _MIN_SECRET_LENGTH or (len(piece) >= _MIN_MIXED_SECRET_LENGTH and is_mixed)


def _opened(url: str) -> "tuple[Apprise, int]":
    import apprise  # noqa: PLC0415 - takes half a second to import

    asset = apprise.AppriseAsset(
        app_id="signalbot",
        app_desc="signalbot",
        app_url="",
        async_mode=False,
        service_timeout=0,  # otherwise services share a thread pool, which one of them can block
        secure_logging=True,
        pgp_autogen=False,
        pem_autogen=False,
    )
    errors = _captured_errors()
    errors.begin()
    service: Any = apprise.Apprise.instantiate(url, asset=asset)
    errors.end()
    if service is None:
        scheme = url.partition("://")[0]
        raise UnknownDestination(f"apprise cannot send to this {scheme}:// URL")
    one = apprise.Apprise(asset=asset)
    one.add(service)
    return one, min(int(service.body_maxlen) - _MARKUP_ALLOWANCE, _MAX_CHARACTERS)


class _CapturedErrors(logging.Filter):
    """Captures what apprise logs in a thread: the reason of a failed delivery."""

    def __init__(self) -> None:
        super().__init__()
        self._captured = threading.local()

    def begin(self) -> None:
        self._captured.lines = []

    def end(self) -> str:
        lines: list[str] = self._captured.lines
        self._captured.lines = None
        return " ".join(dict.fromkeys(lines))

    def filter(self, record: logging.LogRecord) -> bool:
        lines = getattr(self._captured, "lines", None)
        if lines is None or record.levelno < logging.WARNING:
            return False
        lines.append(record.getMessage())
        return False


@cache
def _captured_errors() -> _CapturedErrors:
    captured = _CapturedErrors()
    logging.getLogger("apprise").addFilter(captured)
    return captured
