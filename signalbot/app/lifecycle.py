"""Starts the services of a daemon in order, and stops them in reverse.

Start-up and crash recovery are one path: restore from the ledger, reconcile with the exchange,
deliver signals that are still open, then trade.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import structlog

from signalbot.app.services import Services
from signalbot.control.configuration_activation import sync_accounts
from signalbot.control.configuration_checks import unlisted_symbols
from signalbot.domain.errors import AccessDenied, ConfigError
from signalbot.domain.orders import Leg
from signalbot.domain.timeframe import Ms
from signalbot.ledger.account_states import last_alive_ms, record_alive
from signalbot.pipeline.account import Account
from signalbot.pipeline.reconciliation.account_sync import RecentComparisons
from signalbot.tasks import for_each

log = structlog.get_logger()

_DRAIN_TIMEOUT_S = 20.0
_CANCEL_CONCURRENCY = 32  # accounts
_READY_TIMEOUT_S = 30.0
_HEARTBEAT_INTERVAL_S = 10.0
_FINAL_REPORTS_WAIT_S = 0.1  # for order events that are on their way when the daemon stops


class Lifecycle:
    """Starts, drains and stops the services of one daemon or replay."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._accounts = services.control.accounts

    async def start(self) -> None:
        """Restore the state of the ledger and start every task.

        Exchanges connect and accounts are reconciled from now on.

        Raises:
            ConfigError: a strategy cannot be run, or an open exchange does not list its symbol.
        """
        recent = await self._recent_comparisons()
        await self._load_definitions()
        self._check_symbols()
        await self._restore_accounts()
        await self._start_trading()
        self._start_exchanges(recent)

    async def wait_ready(self) -> None:
        """Return once every account was reconciled, or after ``_READY_TIMEOUT_S``.

        Entries of accounts that are not ready stay blocked until they are.
        """
        sync = self._services.control.sync
        try:
            async with asyncio.timeout(_READY_TIMEOUT_S):
                await sync.wait_ready()
        except TimeoutError:
            for name, left in sync.not_ready.items():
                log.warning("daemon.recovery_pending", exchange=name, left=left)

    async def drain(self) -> None:
        """Finish current work, including stops, and cancel open entries; at most 20 seconds."""
        try:
            async with asyncio.timeout(_DRAIN_TIMEOUT_S):
                await self._services.outbound.broadcaster.wait_drained()
                await self._cancel_open_entries()
                await self._services.clock.sleep(_FINAL_REPORTS_WAIT_S)
                for account in self._accounts.values():
                    await account.wait_idle()
        except TimeoutError:
            log.warning("daemon.drain_timed_out", limit_s=_DRAIN_TIMEOUT_S)

    async def stop(self) -> None:
        """Stop candles and exchanges, drain, then stop all other tasks. Stop orders stay."""
        self._services.tasks.cancel("feed", "evaluator", "exchange")
        await self.drain()
        self._services.tasks.cancel_all()

    # --- start ----------------------------------------------------------------------------

    async def _recent_comparisons(self) -> RecentComparisons:
        """Flat accounts that were reconciled shortly before a recent stop: they may enter."""
        services = self._services
        limit_ms = services.config.daemon.trust_flat_ms
        alive_ms = await last_alive_ms(services.storage.database)
        compared_ms = await services.storage.reconciliations.all()
        if alive_ms is None or services.clock.now_ms() - alive_ms > limit_ms:
            return RecentComparisons(compared_ms=compared_ms, since_ms=None)
        return RecentComparisons(compared_ms=compared_ms, since_ms=Ms(alive_ms - limit_ms))

    async def _load_definitions(self) -> None:
        """Register users, strategies and subscriptions with their persisted status."""
        services, config = self._services, self._services.config
        persisted = await sync_accounts(services.storage.accounts, config, services.clock)
        services.execution.trading_state.restore(persisted.halted)
        for user_id, positions in persisted.orphaned_positions.items():
            log.error("user.positions_orphaned", user_id=user_id, positions=positions)
        services.control.strategies.load(config.strategies)
        services.control.users.load(config.users.values(), config.subscriptions, persisted)

    def _check_symbols(self) -> None:
        config, exchanges = self._services.config, self._services.market_data.exchanges
        for exchange in [name for name, each in exchanges.items() if each.market.is_open]:
            for name, symbol in unlisted_symbols(config, exchange, exchanges):
                raise ConfigError(
                    f"{config.path}: strategies.{name}.symbols: {exchange} does not list {symbol}"
                )

    async def _restore_accounts(self) -> None:
        mismatches = await self._services.storage.mismatches.all()
        for account in self._accounts.values():
            await self._services.control.restorer.restore(account)
            for symbol, mismatch in mismatches.get(account.user_id, {}).items():
                account.set_mismatch(symbol, mismatch)
            if account.broker is None:
                account.mark_ready()

    async def _start_trading(self) -> None:
        """Start listeners and strategies, and deliver open signals to accounts that are ready."""
        services = self._services
        tasks, control, outbound = services.tasks, services.control, services.outbound
        tasks.start("timers", services.timers.run)
        tasks.start("unresolved orders", services.execution.unresolved_orders.run)
        tasks.start("pending fills", services.execution.fill_collector.run)
        if any(each.needs_reconciliation for each in services.market_data.exchanges.values()):
            tasks.start("heartbeat", self._record_heartbeat)
        control.users.start()
        await control.strategies.start()
        await control.users.start_strategies()
        tasks.start("evaluator", services.market_data.evaluator.run)
        await outbound.emitter.start()
        await outbound.emitter.catch_up(
            {each.user_id for each in self._accounts.values() if each.is_ready}
        )

    def _start_exchanges(self, recent: RecentComparisons) -> None:
        tasks, control = self._services.tasks, self._services.control
        market_data = self._services.market_data
        tasks.start("feed", partial(market_data.feed.run, market_data.evaluator.on_candle))
        for name, exchange in market_data.exchanges.items():
            tasks.start(f"exchange {name}", partial(control.sync.serve, name, recent))
            if exchange.needs_reconciliation:
                tasks.start(f"funding {name}", partial(control.funding.serve, name))

    async def _record_heartbeat(self) -> None:
        while True:
            record_alive(self._services.storage.database, self._services.clock.now_ms())
            await self._services.clock.sleep(_HEARTBEAT_INTERVAL_S)

    # --- stop -----------------------------------------------------------------------------

    async def _cancel_open_entries(self) -> None:
        accounts = [
            account
            for account in self._accounts.values()
            if any(account.orders(symbol, Leg.ENTRY) for symbol in account.working_orders)
        ]
        await for_each(
            accounts, self._cancel_entries_of, limit=_CANCEL_CONCURRENCY, name="cancel entries"
        )

    async def _cancel_entries_of(self, account: Account) -> None:
        """Cancel an account's working entries; an error halts this user alone."""
        trading_state = self._services.execution.trading_state
        async with trading_state.halt_on_error(account, "stopping"):
            try:
                for symbol in list(account.working_orders):
                    async with account.lock(symbol):
                        for order in account.orders(symbol, Leg.ENTRY):
                            if order.status.is_live:
                                settler = self._services.execution.entry_settler
                                await settler.cancel_and_book(account, order)
            except AccessDenied as e:
                await trading_state.on_access_denied(account, str(e))


@asynccontextmanager
async def running(services: Services, *, waits_ready: bool = True) -> AsyncIterator[Lifecycle]:
    """Run the services for the duration of the block, after waiting for accounts to be ready.

    They stop in order when the block ends, and at once when the block or a task fails.
    """
    lifecycle = Lifecycle(services)
    try:
        async with services.tasks:
            await lifecycle.start()
            if waits_ready:
                await lifecycle.wait_ready()
            yield lifecycle
            await lifecycle.stop()
    finally:
        services.market_data.strategy_files.close()
