"""Checks an account before it trades, without changing it: key, modes, margin, balance, clock."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from signalbot.domain.account_snapshot import Balance
from signalbot.domain.market import Instrument
from signalbot.domain.money import short_text, text
from signalbot.domain.timeframe import DAY_MS, Ms
from signalbot.domain.users import AccountSettings
from signalbot.exchange.live.adapters.types import KeyPermissions, SymbolMargin

CLOCK_LIMIT_MS = 1_000
_SOON_DAYS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFacts:
    """What the exchange reports of an account now."""

    balance: Balance
    is_one_way: bool | None  #: None where there is no hedge mode
    margins: Mapping[str, SymbolMargin]  #: by symbol
    permissions: KeyPermissions


@dataclass(frozen=True, slots=True)
class AccountCheck:
    """The result of one check."""

    is_ok: bool
    subject: str
    result: str


def check_account(
    facts: AccountFacts,
    terms: AccountSettings,
    *,
    markets: Mapping[str, tuple[Instrument, Decimal | None]],
    clock_offset_ms: int,
    now_ms: Ms,
) -> Iterator[AccountCheck]:
    """Every check; ``markets`` holds each symbol's rules and last price."""
    yield AccountCheck(True, "key", "is let in and reads the account")
    yield from _check_permissions(facts.permissions, terms, now_ms)
    if facts.is_one_way is not None:
        result = "one-way" if facts.is_one_way else "hedge: switch it to one-way at the exchange"
        yield AccountCheck(facts.is_one_way, "position mode", result)
    offset = f"ours is {clock_offset_ms} ms ahead"
    yield AccountCheck(abs(clock_offset_ms) <= CLOCK_LIMIT_MS, "clock", offset)
    money = f"equity {short_text(facts.balance.equity)}, free {short_text(facts.balance.free)}"
    yield AccountCheck(facts.balance.equity > 0, "balance", money)
    for symbol, (instrument, price) in markets.items():
        if symbol in facts.margins:
            yield _check_margin(symbol, facts.margins[symbol], terms)
        yield _check_minimum(symbol, instrument, price, facts.balance, terms)


def _check_permissions(
    permissions: KeyPermissions, terms: AccountSettings, now_ms: Ms
) -> Iterator[AccountCheck]:
    """A permission that the exchange does not report is unverified, not safe."""
    if permissions.may_trade is not None:
        result = "allowed" if permissions.may_trade else "not allowed: give the key that right"
        yield AccountCheck(permissions.may_trade, "trading", result)
    yield _check_withdrawal(permissions.may_withdraw, terms)
    if permissions.is_ip_bound is not None:
        result = (
            "bound to addresses" if permissions.is_ip_bound else "any address may use it: bind it"
        )
        yield AccountCheck(True, "addresses", result)
    if permissions.expires_at_ms is not None:
        days = (permissions.expires_at_ms - now_ms) // DAY_MS
        result = f"in {days} days" if days >= 0 else "it has expired: make a new key"
        yield AccountCheck(days >= _SOON_DAYS, "expiry", result)


def _check_withdrawal(may_withdraw: bool | None, terms: AccountSettings) -> AccountCheck:
    if may_withdraw is None:
        return AccountCheck(True, "withdrawal", "unverified: the exchange does not report it")
    if not may_withdraw:
        return AccountCheck(True, "withdrawal", "not allowed")
    if terms.allow_withdrawal_keys:
        return AccountCheck(True, "withdrawal", "allowed by account.allow_withdrawal_keys")
    return AccountCheck(
        False, "withdrawal", "allowed: take that right from the key, or it cannot trade"
    )


def _check_margin(symbol: str, margin: SymbolMargin, terms: AccountSettings) -> AccountCheck:
    is_wanted = margin.leverage == terms.leverage and margin.mode is terms.margin_mode
    now = f"{margin.leverage} x {margin.mode.value if margin.mode else 'unknown'}"
    wanted = "" if is_wanted else f"; will be set to {terms.leverage} x {terms.margin_mode.value}"
    return AccountCheck(True, f"margin {symbol}", now + wanted)


def _check_minimum(
    symbol: str,
    instrument: Instrument,
    price: Decimal | None,
    balance: Balance,
    terms: AccountSettings,
) -> AccountCheck:
    subject = f"minimum {symbol}"
    if price is None:
        return AccountCheck(False, subject, "the price is not known")
    least = instrument.smallest_quantity(price)
    needed = least * price / terms.leverage
    result = (
        f"{text(least)} {instrument.base} needs {short_text(needed)} {instrument.quote} of margin"
    )
    return AccountCheck(needed <= balance.free, subject, result)
