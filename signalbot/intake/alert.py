"""An alert as its source means it: which market, what to do, at which levels, and its identity."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, DecimalException

from signalbot.domain.errors import BadSignal
from signalbot.domain.money import HUNDRED, ONE
from signalbot.domain.signals import Action, Strength
from signalbot.domain.timeframe import Ms
from signalbot.intake.aliases import find, targets, without_secret
from signalbot.intake.fields import Fields, read
from signalbot.intake.symbols import market_of
from signalbot.intake.verbs import Direction, Step, is_verb, steps

_LONGEST_REASON = 500
_LONGEST_KEY = 200
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS_UNTIL = Decimal(10**11)
"""A number below is seconds since 1970, above it milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """How a source's alerts are to be understood."""

    symbols: tuple[str, ...]  #: the only markets it may speak of
    actions: frozenset[Action]  #: the only actions it may ask for
    direction: Direction = Direction.BOTH
    strength: Strength = Strength.MODERATE  #: where the alert says none
    confidence: float = 1.0
    max_age_ms: int = 60_000  #: of an alert that tells when it was sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """What one alert asks for. It holds nothing secret."""

    symbol: str
    steps: tuple[Step, ...]  #: in this order; none for an alert that asks for nothing
    key: str | None  #: the same key is the same alert; None: it has no identity of its own
    digest: str  #: of everything it says, secrets left out
    position: str | None  #: where its strategy stands now, if it tells
    previous_position: str | None
    price: Decimal | None
    stop_loss: Decimal | None
    take_profits: tuple[Decimal, ...]
    strength: Strength
    confidence: float
    reason: str
    sent_at_ms: Ms | None  #: by the sender's clock


def secret_of(body: bytes) -> str | None:
    """The secret that a body carries, to be compared and forgotten.

    Raises:
        BadSignal: the body cannot be read.
    """
    return find(read(body), "secret")


def understand(body: bytes, meaning: Meaning, *, now_ms: Ms) -> Alert:
    """What a body asks for.

    Raises:
        BadSignal: it cannot be understood, is too old, or asks for what this source may not.
    """
    fields = without_secret(read(body))
    symbol = _symbol(fields, meaning.symbols)
    position, previous = find(fields, "position"), find(fields, "previous_position")
    todo = steps(
        _verb(fields),
        side=find(fields, "side"),
        position=position,
        previous=previous,
        direction=meaning.direction,
    )
    _check_allowed(todo, meaning.actions)
    sent_at_ms = _instant(find(fields, "sent_at"))
    if sent_at_ms is not None:
        _check_age(fields, sent_at_ms, meaning.max_age_ms, now_ms)
    price = _price(fields, "price")
    actions = [step for step in todo if isinstance(step, Action)]
    entry = next((each for each in actions if each in (Action.LONG, Action.SHORT)), None)
    return Alert(
        symbol=symbol,
        steps=tuple(todo),
        key=_key(fields),
        digest=_digest(fields),
        position=position,
        previous_position=previous,
        price=price,
        stop_loss=None if entry is None else _stop(fields, price, entry),
        take_profits=() if entry is None else _targets(fields, price, entry),
        strength=_strength(fields, meaning.strength),
        confidence=_confidence(fields, meaning.confidence),
        reason=(find(fields, "reason") or "")[:_LONGEST_REASON],
        sent_at_ms=sent_at_ms,
    )


def _symbol(fields: Fields, symbols: Collection[str]) -> str:
    ticker = find(fields, "symbol")
    if ticker is not None:
        return market_of(ticker, symbols)
    if len(symbols) == 1:
        return next(iter(symbols))
    raise BadSignal("the alert names no symbol, and this source has several")


def _verb(fields: Fields) -> str | None:
    verb = find(fields, "action")
    kind = find(fields, "type")
    if verb is None and kind is not None and is_verb(kind):
        verb = kind
    return find(fields, "side") if verb is None else verb


def _check_allowed(todo: list[Step], allowed: Collection[Action]) -> None:
    if any(isinstance(step, Action) and step not in allowed for step in todo):
        raise BadSignal("this source may not ask for that action: see its params.actions")


def _check_age(fields: Fields, sent_ms: Ms, max_age_ms: int, now_ms: Ms) -> None:
    lag = find(fields, "max_age")
    limit_ms = max_age_ms if lag is None else min(max_age_ms, int(_decimal(lag) * 1000))
    if abs(now_ms - sent_ms) > limit_ms:
        raise BadSignal(f"the alert is {abs(now_ms - sent_ms) / 1000:.0f} s old: too old to act on")


def _key(fields: Fields) -> str | None:
    """The sender's own id; else what, where and when, if it tells when."""
    given = find(fields, "key")
    if given is not None:
        return given[:_LONGEST_KEY]
    when = find(fields, "time") or find(fields, "sent_at")
    if when is None:
        return None
    parts = (
        find(fields, "symbol") or "",
        _verb(fields) or "",
        find(fields, "position") or "",
        when,
    )
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


def _digest(fields: Fields) -> str:
    said = "\x1e".join(f"{name}\x1f{value}" for name, value in sorted(fields.items()))
    return hashlib.sha256(said.encode()).hexdigest()


def _price(fields: Fields, word: str) -> Decimal | None:
    text = find(fields, word)
    return None if text is None else _positive(text)


def _stop(fields: Fields, price: Decimal | None, entry: Action) -> Decimal | None:
    given = _price(fields, "stop_loss")
    percent = find(fields, "stop_loss_percent")
    if given is not None or percent is None or price is None:
        return given
    return _away(price, percent, -1 if entry is Action.LONG else 1)


def _targets(fields: Fields, price: Decimal | None, entry: Action) -> tuple[Decimal, ...]:
    """Nearest first, each once."""
    sign = 1 if entry is Action.LONG else -1
    found = [_positive(text) for text in targets(fields)]
    percent = find(fields, "take_profit_percent")
    if not found and percent is not None and price is not None:
        found = [_away(price, percent, sign)]
    return tuple(sorted(dict.fromkeys(found), reverse=sign < 0))


def _away(price: Decimal, percent: str, sign: int) -> Decimal:
    share = _decimal(percent.rstrip("%")) / HUNDRED
    if not 0 < share < 1:
        raise BadSignal("a distance in percent must be between 0 and 100")
    return price * (ONE + sign * share)


def _strength(fields: Fields, default: Strength) -> Strength:
    text = find(fields, "strength")
    if text is None:
        return default
    try:
        return Strength(text.upper().replace(" ", "_"))
    except ValueError as e:
        raise BadSignal("the strength is WEAK, MODERATE, STRONG or VERY_STRONG") from e


def _confidence(fields: Fields, default: float) -> float:
    """Between 0 and 1; a number above 1 is taken for percent."""
    text = find(fields, "confidence")
    if text is None:
        return default
    value = _decimal(text.rstrip("%"))
    value = value / HUNDRED if value > 1 or text.endswith("%") else value
    if not 0 <= value <= 1:
        raise BadSignal("the confidence must be between 0 and 1")
    return float(value)


def _instant(text: str | None) -> Ms | None:
    if text is None:
        return None
    if text.replace(".", "", 1).isdigit():
        number = _decimal(text)
        return Ms(int(number * 1000 if number < _SECONDS_UNTIL else number))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as e:
        raise BadSignal("the alert's time is neither ISO 8601 nor a number of seconds") from e
    moment = moment.replace(tzinfo=moment.tzinfo or UTC)
    return Ms(round((moment - _EPOCH).total_seconds() * 1000))


def _positive(text: str) -> Decimal:
    value = _decimal(text)
    if value <= 0:
        raise BadSignal("every price must be a number above 0")
    return value


def _decimal(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except DecimalException as e:
        raise BadSignal("the alert has a word where a number belongs") from e
    if not value.is_finite() or abs(value.adjusted()) > _LARGEST_EXPONENT:
        raise BadSignal("the alert has a number that cannot be meant")
    return value


_LARGEST_EXPONENT = 20
