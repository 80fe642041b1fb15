"""The limits of the HTTP listener as a table."""

from collections.abc import Iterator

from signalbot.api import (
    connection_limiter,
    event_stream,
    limited_protocols,
    read_limits,
    request_limits,
    server,
    strict_json,
    token_buckets,
)
from signalbot.api.middleware import MAX_BODY_BYTES
from signalbot.domain import globs
from signalbot.ledger.idempotency import MAX_KEYS_PER_AUTHOR
from signalbot.settings.daemon import ApiSettings
from signalbot.webhooks import fields, signature


def limits_table() -> str:
    """Every limit and its value."""
    rows = (f"| {limit} | {value} |" for limit, value in _rows())
    return "\n".join(("| Limit | Value |", "|---|---|", *rows))


def _rows() -> Iterator[tuple[str, str]]:
    yield from _connection_rows()
    yield from _content_rows()
    yield from _rate_rows()


def _connection_rows() -> Iterator[tuple[str, str]]:
    api = ApiSettings(host="127.0.0.1", port=1, tls_behind_proxy=False)
    yield (
        "Open connections in total (`api.max_connections`), and from one address",
        f"{api.max_connections} by default, and a quarter of them; never more than a quarter "
        "of the file descriptors",
    )
    yield (
        "Time to receive one request; time a client may leave a response unread",
        f"{connection_limiter.REQUEST_TIMEOUT_S:g} s; {connection_limiter.STALL_TIMEOUT_S:g} s",
    )
    yield (
        "Event streams per token; interval between its subscriptions; queued events per stream",
        f"{event_stream.MAX_CONNECTIONS_PER_TOKEN}; {event_stream.SUBSCRIBE_INTERVAL_S:g} s; "
        f"{event_stream.MAX_QUEUED_EVENTS:,}",
    )


def _content_rows() -> Iterator[tuple[str, str]]:
    yield (
        "Size of a body, of the headers, of a WebSocket frame",
        f"{MAX_BODY_BYTES:,}, {limited_protocols.MAX_HEADER_BYTES:,}, "
        f"{server.MAX_FRAME_BYTES:,} bytes",
    )
    yield (
        "Network reads for one body",
        f"{read_limits.MIN_PIECES}, and one more per {read_limits.BYTES_PER_PIECE} bytes",
    )
    yield (
        "WebSocket frames in a burst, and before authentication; sustained rate",
        f"{read_limits.FRAMES}, {read_limits.ANONYMOUS_FRAMES}; "
        f"{read_limits.FRAMES_PER_SECOND} per second",
    )
    yield (
        "Nesting of a JSON body; fields and nesting of an alert",
        f"{strict_json.MAX_DEPTH}; {fields.MAX_FIELDS} and {fields.MAX_DEPTH}",
    )
    yield "Age of a signed alert", f"{signature.TOLERANCE_S} s"
    yield (
        "Globs in one setting; characters of one glob",
        f"{globs.MAX_GLOBS:,}; {globs.MAX_GLOB_LENGTH}",
    )


def _rate_rows() -> Iterator[tuple[str, str]]:
    api = ApiSettings(host="127.0.0.1", port=1, tls_behind_proxy=False)
    yield (
        "Requests of one token, one alert source or one address without a token "
        "(`api.requests_per_second`)",
        f"{api.requests_per_second} per second by default, with a burst of "
        f"{token_buckets.BURST_S:g} seconds",
    )
    yield (
        "Requests without a token from all addresses together",
        f"{request_limits.ANONYMOUS_FACTOR} times the limit of one address",
    )
    yield (
        "Changes by a user's token",
        f"one per {request_limits.REQUESTS_PER_CHANGE} requests of its rate, with a burst of "
        f"{request_limits.CHANGE_BURST}",
    )
    yield "Idempotency keys per token, each kept for one day", f"{MAX_KEYS_PER_AUTHOR:,}"
