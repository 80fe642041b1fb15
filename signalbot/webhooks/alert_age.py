"""Checks the age of alerts by the sender's clock."""

from collections.abc import Sequence

from signalbot.domain.errors import InvalidSignal
from signalbot.domain.timeframe import Ms
from signalbot.webhooks.fields import AlertField
from signalbot.webhooks.number_parsing import duration_ms, parse_instant

_MINUTE_MS = 60_000


def check_age(
    sent: Sequence[AlertField],
    limits: Sequence[AlertField],
    *,
    is_entry: bool,
    is_exit: bool,
    max_age_ms: int,
    now_ms: Ms,
    used_fields: set[str],
) -> Ms | None:
    """Return the time an alert was sent; None if it has no time.

    Entries must be younger than the source's ``max_age_ms``; exits only than the alert's own limit.

    Raises:
        InvalidSignal: it is too old, from the future, or its time is invalid.
    """
    own = _max_age(limits, used_fields)
    moment, field = _sent_at(sent, is_entry=is_entry, used_fields=used_fields)
    if moment is None or field is None:
        return None
    age_ms = now_ms - moment
    if is_entry:
        limit_ms = max_age_ms if own is None else min(max_age_ms, own)
        if age_ms > limit_ms:
            raise InvalidSignal(_too_old(field, moment, age_ms, limit_ms))
        if -age_ms > limit_ms:
            raise InvalidSignal(
                f"{field} is {-age_ms / 1000:.0f} s ahead: the sender's clock is fast"
            )
    elif is_exit and own is not None and age_ms > own:
        raise InvalidSignal(
            f"{field}: it is {age_ms / 1000:.0f} s old, beyond its own limit of {own / 1000:g} s"
        )
    return moment


def _max_age(limits: Sequence[AlertField], used_fields: set[str]) -> int | None:
    for each in limits:
        if not each.is_empty and each.value.strip("0. ") != "":
            used_fields.add(each.name)
            return duration_ms(each)
    return None


def _sent_at(
    sent: Sequence[AlertField], *, is_entry: bool, used_fields: set[str]
) -> tuple[Ms | None, AlertField | None]:
    for each in sent:
        if each.is_empty:
            continue
        try:
            moment = parse_instant(each)
        except InvalidSignal:
            if is_entry:
                raise
            continue
        used_fields.add(each.name)
        if moment is not None:
            return moment, each
    return None, None


def _too_old(field: AlertField, moment: Ms, age_ms: int, limit_ms: int) -> str:
    age = f"{field} is {age_ms / 1000:.0f} s old, beyond the limit of {limit_ms / 1000:g} s"
    if moment % _MINUTE_MS == 0 or age_ms >= 5 * _MINUTE_MS:
        return f"{age}: this looks like the bar's time; send {{{{timenow}}}} instead"
    return age
