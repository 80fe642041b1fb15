"""How old an alert may be, and how its sender writes the time."""

from datetime import UTC, datetime
from typing import Any

import pytest

from signalbot.domain.errors import InvalidSignal
from tests.webhooks.reading import NOW, read

_BUY = {"ticker": "BTCUSDT", "action": "buy"}
_EXIT = {"ticker": "BTCUSDT", "action": "exit"}


def _at(seconds: float) -> str:
    return datetime.fromtimestamp(NOW / 1000 + seconds, UTC).isoformat()


@pytest.mark.parametrize(
    "moment",
    [NOW, NOW // 1000, str(NOW // 1000), NOW / 1000, NOW * 1000, NOW * 10**6, str(NOW),
     "2026-11-21T06:36:20Z", "2026-11-21 06:36:20", "2026-11-21T06:36:20.123456789Z",
     "2026-11-21 06:36:20 UTC", "2026-11-21T07:36:20+01:00", "2026-11-21"],
)  # fmt: skip
def test_a_time_is_read_in_every_form(moment: object) -> None:
    """Seconds, ms, µs and ns since 1970, and ISO 8601; a date alone says no moment."""
    alert = read(_BUY | {"timestamp": moment})
    if moment == "2026-11-21":
        assert alert.sent_at_ms is None
    else:
        assert alert.sent_at_ms is not None
        assert abs(alert.sent_at_ms - NOW) <= 20_000


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"timestamp": _at(-61)}, "beyond the limit of 60 s"),
        ({"timestamp": _at(-400)}, "{{timenow}}"),
        ({"timestamp": "2026-11-21T06:35:00Z"}, "{{timenow}}"),
        ({"timestamp": _at(70)}, "the sender's clock is fast"),
        ({"timestamp": _at(-20), "max_lag": "10s"}, "beyond the limit of 10 s"),
        ({"timestamp": "yesterday"}, "timestamp 'yesterday'"),
        ({"timestamp": "{{timenow}}"}, "'{{timenow}}' was not filled"),
        ({"timestamp": -5}, "timestamp '-5'"),
        ({"max_lag": "soon"}, "max_lag 'soon'"),
        ({"expires_at": "2026-11-21T06:00:00Z"}, "expires_at"),
        ({"source_timestamp": _at(-400)}, "source_timestamp"),
    ],
)
def test_an_entry_that_is_too_old_or_from_the_future_is_refused(
    body: dict[str, Any], why: str
) -> None:
    """Naming the field; what looks like the time of a bar says what to send instead."""
    with pytest.raises(InvalidSignal) as refused:
        read(_BUY | body)
    assert why in str(refused.value)


@pytest.mark.parametrize("lag", ["300", 300, "300s", "5m", "300000ms"])
def test_its_own_limit_can_only_be_shorter(lag: object) -> None:
    """The source's limit counts as well."""
    assert read(_BUY | {"timestamp": _at(-50), "max_lag": lag}).steps
    with pytest.raises(InvalidSignal, match="beyond the limit of 60 s"):
        read(_BUY | {"timestamp": _at(-80), "max_lag": lag})


def test_an_exit_is_refused_only_past_its_own_limit() -> None:
    """However old it is by the source's; and a time that cannot be read does not stop it."""
    for moment in (_at(-90), _at(-90_000), _at(900), "yesterday", "{{timenow}}", 0):
        assert read(_EXIT | {"timestamp": moment}).steps
    assert read(_EXIT | {"timestamp": _at(-90), "max_lag": 100}).steps
    assert read(_EXIT | {"timestamp": _at(-90), "max_lag": 0}).steps
    with pytest.raises(InvalidSignal, match="it is 90 s old, beyond its own limit of 60 s"):
        read(_EXIT | {"timestamp": _at(-90), "max_lag": 60})
