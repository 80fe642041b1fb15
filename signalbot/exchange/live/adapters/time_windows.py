"""Long times in parts: what exchanges list of the past is limited to so much at once."""

from collections.abc import Iterator

from signalbot.domain.timeframe import Ms


def split_windows(since_ms: int, until_ms: int, span_ms: int) -> Iterator[tuple[Ms, Ms]]:
    """From ``since_ms`` to ``until_ms``, oldest first: first and last instant of each part.

    Both belong to the part, which is shorter than ``span_ms``; at least one part.
    """
    start_ms = since_ms
    while True:
        end_ms = min(start_ms + span_ms - 1, until_ms)
        yield Ms(start_ms), Ms(max(start_ms, end_ms))
        start_ms = end_ms + 1
        if start_ms > until_ms:
            return
