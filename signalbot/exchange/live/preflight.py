"""Looks at an account before it trades, and changes nothing: keys, mode, margin, money, clock."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from signalbot.domain.book import Balance
from signalbot.domain.market import Instrument
from signalbot.domain.money import brief, text
from signalbot.domain.timeframe import DAY_MS, Ms
from signalbot.domain.users import AccountTerms
from signalbot.exchange.live.dialects.base import KeyRights, Margin

CLOCK_LIMIT_MS = 1_000
_SOON_DAYS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFacts:
    """What an exchange says of an account now."""

    balance: Balance
    is_one_way: bool | None  #: None where positions cannot face both ways
    margins: Mapping[str, Margin]  #: by symbol
    rights: KeyRights


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    is_good: bool
    what: str
    says: str


def findings(
    facts: AccountFacts,
    terms: AccountTerms,
    *,
    markets: Mapping[str, tuple[Instrument, Decimal | None]],
    clock_offset_ms: int,
    now_ms: Ms,
) -> Iterator[Finding]:
    """What speaks for and against trading; ``markets`` has each symbol's rules and last price."""
    yield Finding(True, "key", "is let in and reads the account")
    yield from _rights(facts.rights, terms, now_ms)
    if facts.is_one_way is not None:
        said = "one-way" if facts.is_one_way else "hedge: switch it to one-way at the exchange"
        yield Finding(facts.is_one_way, "position mode", said)
    offset = f"ours is {clock_offset_ms} ms ahead"
    yield Finding(abs(clock_offset_ms) <= CLOCK_LIMIT_MS, "clock", offset)
    money = f"equity {brief(facts.balance.equity)}, free {brief(facts.balance.free)}"
    yield Finding(facts.balance.equity > 0, "balance", money)
    for symbol, (instrument, price) in markets.items():
        if symbol in facts.margins:
            yield _margin(symbol, facts.margins[symbol], terms)
        yield _minimum(symbol, instrument, price, facts.balance, terms)


def _rights(rights: KeyRights, terms: AccountTerms, now_ms: Ms) -> Iterator[Finding]:
    """What the exchange does not tell is not taken for safe, only for unverified."""
    if rights.may_trade is not None:
        said = "allowed" if rights.may_trade else "not allowed: give the key that right"
        yield Finding(rights.may_trade, "trading", said)
    yield _withdrawal(rights.may_withdraw, terms)
    if rights.is_ip_bound is not None:
        said = "bound to addresses" if rights.is_ip_bound else "any address may use it: bind it"
        yield Finding(True, "addresses", said)
    if rights.expires_at_ms is not None:
        days = (rights.expires_at_ms - now_ms) // DAY_MS
        said = f"in {days} days" if days >= 0 else "it has expired: make a new key"
        yield Finding(days >= _SOON_DAYS, "expiry", said)


def _withdrawal(may_withdraw: bool | None, terms: AccountTerms) -> Finding:
    if may_withdraw is None:
        return Finding(True, "withdrawal", "unverified: the exchange does not tell")
    if not may_withdraw:
        return Finding(True, "withdrawal", "not allowed")
    if terms.allow_withdrawal_keys:
        return Finding(True, "withdrawal", "allowed, as account.allow_withdrawal_keys says")
    return Finding(False, "withdrawal", "allowed: take that right from the key, or it cannot trade")


def _margin(symbol: str, margin: Margin, terms: AccountTerms) -> Finding:
    is_wanted = margin.leverage == terms.leverage and margin.mode is terms.margin_mode
    now = f"{margin.leverage} x {margin.mode.value if margin.mode else 'unknown'}"
    wanted = "" if is_wanted else f"; will be set to {terms.leverage} x {terms.margin_mode.value}"
    return Finding(True, f"margin {symbol}", now + wanted)


def _minimum(
    symbol: str,
    instrument: Instrument,
    price: Decimal | None,
    balance: Balance,
    terms: AccountTerms,
) -> Finding:
    what = f"minimum {symbol}"
    if price is None:
        return Finding(False, what, "the price is not known")
    least = instrument.smallest_quantity(price)
    needed = least * price / terms.leverage
    said = f"{text(least)} {instrument.base} needs {brief(needed)} {instrument.quote} of margin"
    return Finding(needed <= balance.free, what, said)
