"""Books the funding that live positions pay or receive, from the exchanges' records."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

import structlog

from signalbot.domain.errors import AccessDenied, Unavailable
from signalbot.domain.funding import FundingPayment
from signalbot.domain.money import text
from signalbot.domain.positions import Position
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import UserId
from signalbot.ledger.funding import FundingDue, FundingStore
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account, AccountsByUser
from signalbot.ports import Clock, Exchange

log = structlog.get_logger()

_HOUR_MS: Final = 3_600_000  # shortest funding interval of any exchange
_QUERY_DELAY_MS: Final = 60_000  # from a payment's instant to its first query
_RETRY_MS: Final = 300_000  # until a payment that was not listed is queried again
_GIVE_UP_MS: Final = 1_800_000  # then there was none: exchanges do not list payments of zero
_POLL_INTERVAL_S: Final = 60.0


class FundingCollector:
    """Runs one loop per exchange; a payment is booked once, however often it is read."""

    def __init__(
        self,
        accounts: AccountsByUser,
        exchanges: Mapping[str, Exchange],
        ledger: FundingStore,
        trades: Trades,
        clock: Clock,
    ) -> None:
        self._accounts = accounts
        self._exchanges = exchanges
        self._ledger = ledger
        self._trades = trades
        self._clock = clock
        self._retry_at_ms: dict[UserId, Ms] = {}

    async def serve(self, name: str) -> None:
        """Collect until cancelled, starting with payments made while the daemon was down."""
        await self._exchanges[name].market.wait_until_open()
        while True:
            await self.collect(name)
            await self._clock.sleep(_POLL_INTERVAL_S)

    async def collect(self, name: str) -> None:
        """Book the funding due at one exchange; if it does not respond, the next call retries."""
        now_ms = self._clock.now_ms()
        until_ms = Ms((now_ms - _QUERY_DELAY_MS) // _HOUR_MS * _HOUR_MS)
        by_user: dict[UserId, list[FundingDue]] = defaultdict(list)
        for due in await self._ledger.due(name, until_ms):
            by_user[due.position.user_id].append(due)
        for user_id, dues in by_user.items():
            account = self._accounts.get(user_id)
            if account is None or account.broker is None:
                continue
            if now_ms < self._retry_at_ms.get(user_id, 0):
                continue
            try:
                await self._collect_of(account, dues, until_ms)
            except AccessDenied as e:
                self._retry_at_ms[user_id] = Ms(now_ms + _GIVE_UP_MS)
                log.debug("funding.fetch_failed", user_id=user_id, cause=str(e))
            except Unavailable as e:
                log.debug("funding.fetch_failed", exchange=name, user_id=user_id, cause=str(e))
                return

    async def _collect_of(self, account: Account, dues: Sequence[FundingDue], until_ms: Ms) -> None:
        requested = []
        for due in dues:
            if self._latest_instant(account, due, until_ms) is not None:
                requested.append(due)
            elif due.position.is_open:
                await self._ledger.mark_covered(due.position.position_id, until_ms)
            else:
                await self._ledger.end(due.position.position_id)
        if not requested:
            return
        payments = await account.trading_broker.funding(
            sorted({due.position.symbol for due in requested}),
            since_ms=min(due.covered_ms for due in requested),
        )
        is_waiting = False
        for due in requested:
            mine = [each for each in payments if _belongs(each, due.position)]
            is_complete = self._is_complete(account, due, mine, until_ms)
            is_waiting |= not is_complete
            await self._book(
                account, due.position, mine, until_ms if is_complete else due.covered_ms
            )
        if is_waiting:
            self._retry_at_ms[account.user_id] = Ms(self._clock.now_ms() + _RETRY_MS)

    def _latest_instant(self, account: Account, due: FundingDue, until_ms: Ms) -> Ms | None:
        """Return when funding was last paid that is not booked; None if there was none."""
        interval_ms = account.market.funding_interval_ms(due.position.symbol) or _HOUR_MS
        end_ms = min(until_ms, due.position.closed_at_ms or until_ms)
        instant_ms = Ms(end_ms // interval_ms * interval_ms)
        return instant_ms if instant_ms > due.covered_ms else None

    def _is_complete(
        self, account: Account, due: FundingDue, paid: Sequence[FundingPayment], until_ms: Ms
    ) -> bool:
        """Whether the latest payment is listed, or no longer expected."""
        if account.market.funding_interval_ms(due.position.symbol) is None:
            return True  # the next query finds a payment if there was one
        latest_ms = self._latest_instant(account, due, until_ms)
        assert latest_ms is not None  # noqa: S101 - only such positions are requested
        is_listed = any(each.paid_at_ms >= latest_ms for each in paid)
        return is_listed or self._clock.now_ms() - latest_ms > _GIVE_UP_MS

    async def _book(
        self,
        account: Account,
        requested: Position,
        payments: Sequence[FundingPayment],
        covered_ms: Ms,
    ) -> None:
        async with account.lock(requested.symbol):
            held = account.positions.get(requested.symbol)
            if held is None or held.position_id != requested.position_id:
                held = await self._trades.position(requested.position_id) or requested
            paid = await self._ledger.book(held, payments, covered_ms=covered_ms)
            amount: Decimal = paid.funding - held.funding
            if amount:
                account.apply_funding(paid, amount)
                log.info(
                    "funding.booked",
                    user_id=account.user_id,
                    symbol=paid.symbol,
                    position_id=paid.position_id,
                    amount=text(amount),
                )


class FundingBooker:
    """Books the funding of simulated positions."""

    def __init__(self, trades: Trades) -> None:
        self._trades = trades

    async def book(self, account: Account, held: Position, received: Decimal) -> None:
        """Add ``received`` to the position, open or closed."""
        async with account.lock(held.symbol):
            current = account.positions.get(held.symbol)
            if current is None or current.position_id != held.position_id:
                current = await self._trades.position(held.position_id)
            if current is None:
                return
            paid = current.add_funding(received)
            account.apply_funding(paid, received)
            await self._trades.save_position(paid)


def _belongs(payment: FundingPayment, position: Position) -> bool:
    """Whether the position was held when the payment fell due."""
    if payment.symbol != position.symbol or payment.paid_at_ms < position.opened_at_ms:
        return False
    closed_ms = position.closed_at_ms
    return closed_ms is None or payment.paid_at_ms <= closed_ms + _QUERY_DELAY_MS
