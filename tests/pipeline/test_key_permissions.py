"""A key's permissions are checked at the start, daily, and before a user is resumed."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from signalbot.domain.errors import AccessDenied, Conflict, Unavailable
from signalbot.domain.timeframe import DAY_MS
from signalbot.domain.users import AccountSettings, Mode, StatusBy, User, UserId, UserStatus
from signalbot.pipeline.account import Account
from signalbot.pipeline.key_permissions import RETRY_INTERVAL_MS, KeyPermissionCheck
from signalbot.pipeline.trading_state import TradingState
from tests.control.test_heartbeat_monitor import ManualClock
from tests.ledger.ledger_fixtures import ledger


class Key:
    """An account's key at an exchange, with or without the withdrawal permission."""

    def __init__(self, may: bool | Exception | None = False) -> None:
        self.may = may
        self.checks = 0

    async def may_withdraw(self) -> bool | None:
        self.checks += 1
        if isinstance(self.may, Exception):
            raise self.may
        return self.may


def _account(key: Key, *, allow: bool = False, mode: Mode = Mode.LIVE) -> Account:
    terms = AccountSettings(exchange="x", allow_withdrawal_keys=allow)
    user = User(user_id=UserId("anna"), mode=mode, account=terms)
    exchange = cast(Any, SimpleNamespace(market=None))
    return Account(user, exchange=exchange, broker=cast(Any, key), settings={})


async def test_it_is_checked_daily_and_sooner_after_a_failed_check(tmp_path: Path) -> None:
    """A permission can be granted to a key at any time."""
    clock, key = ManualClock(), Key()
    async with ledger(tmp_path) as books:
        rights = KeyPermissionCheck(TradingState(books.accounts, clock), clock)
        account = _account(key)
        for _ in range(3):
            await rights.check(account)
        assert key.checks == 1
        clock.at_ms += DAY_MS
        key.may = None
        await rights.check(account)
        assert (key.checks, account.user.status) == (2, UserStatus.ACTIVE)
        clock.at_ms += RETRY_INTERVAL_MS
        key.may = Unavailable("no answer")
        await rights.check(account)
        clock.at_ms += RETRY_INTERVAL_MS
        key.may = True
        await rights.check(account)
        assert key.checks == 4
        assert (account.user.status, account.user.status_by) == (UserStatus.HALTED, StatusBy.KEY)


async def test_a_new_key_is_checked_at_once(tmp_path: Path) -> None:
    """Whenever the last check was."""
    clock, key = ManualClock(), Key()
    async with ledger(tmp_path) as books:
        rights = KeyPermissionCheck(TradingState(books.accounts, clock), clock)
        await rights.check(_account(key))
        rights.reset(UserId("anna"))
        await rights.check(_account(key))
        assert key.checks == 2


@pytest.mark.parametrize("may", [True, AccessDenied("not let in")])
async def test_no_user_is_resumed_with_an_unsafe_key(tmp_path: Path, may: Any) -> None:
    """Also after a pause."""
    clock, key = ManualClock(), Key(may)
    async with ledger(tmp_path) as books:
        rights = KeyPermissionCheck(TradingState(books.accounts, clock), clock)
        with pytest.raises(Conflict, match="key"):
            await rights.require_safe_key(_account(key))
        key.may = False
        await rights.require_safe_key(_account(key))


async def test_only_live_accounts_without_an_exemption_are_checked(tmp_path: Path) -> None:
    """Paper accounts have no keys."""
    clock, key = ManualClock(), Key(True)
    async with ledger(tmp_path) as books:
        rights = KeyPermissionCheck(TradingState(books.accounts, clock), clock)
        for account in (_account(key, allow=True), _account(key, mode=Mode.PAPER)):
            await rights.check(account)
            await rights.require_safe_key(account)
        assert key.checks == 0
