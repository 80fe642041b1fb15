"""How old an alert is: what its sender's clock says against ours."""

from collections.abc import Sequence

from signalbot.domain.errors import BadSignal
from signalbot.domain.timeframe import Ms
from signalbot.intake.fields import Field
from signalbot.intake.numbers import duration_ms, instant

_MINUTE_MS = 60_000


def check_age(
    sent: Sequence[Field],
    limits: Sequence[Field],
    *,
    is_entry: bool,
    is_exit: bool,
    max_age_ms: int,
    now_ms: Ms,
    understood: set[str],
) -> Ms | None:
    """When the alert was sent, by its sender's clock; None: no time is given.

    The source's ``max_age_ms`` counts for entries; an exit is refused only when it is older than
    the alert itself allows.

    Raises:
        BadSignal: it is too old, from the future, or its time cannot be read.
    """
    own = _limit(limits, understood)
    moment, field = _moment(sent, is_entry=is_entry, understood=understood)
    if moment is None or field is None:
        return None
    age_ms = now_ms - moment
    if is_entry:
        limit_ms = max_age_ms if own is None else min(max_age_ms, own)
        if age_ms > limit_ms:
            raise BadSignal(_too_old(field, moment, age_ms, limit_ms))
        if -age_ms > limit_ms:
            raise BadSignal(
                f"{field} is {-age_ms / 1000:.0f} s ahead: the sender's clock is ahead of ours"
            )
    elif is_exit and own is not None and age_ms > own:
        raise BadSignal(
            f"{field}: it is {age_ms / 1000:.0f} s old, and its own limit is {own / 1000:g} s"
        )
    return moment


def _limit(limits: Sequence[Field], understood: set[str]) -> int | None:
    for each in limits:
        if not each.is_empty and each.value.strip("0. ") != "":
            understood.add(each.name)
            return duration_ms(each)
    return None


def _moment(
    sent: Sequence[Field], *, is_entry: bool, understood: set[str]
) -> tuple[Ms | None, Field | None]:
    for each in sent:
        if each.is_empty:
            continue
        try:
            moment = instant(each)
        except BadSignal:
            if is_entry:
                raise
            continue
        understood.add(each.name)
        if moment is not None:
            return moment, each
    return None, None


def _too_old(field: Field, moment: Ms, age_ms: int, limit_ms: int) -> str:
    age = f"{field} is {age_ms / 1000:.0f} s old, and an entry may be {limit_ms / 1000:g} s old"
    if moment % _MINUTE_MS == 0 or age_ms >= 5 * _MINUTE_MS:
        return f"{age}: it looks like the time of the bar; send {{{{timenow}}}} instead"
    return f"{age}: too old to act on"
