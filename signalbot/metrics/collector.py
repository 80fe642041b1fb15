"""Collects the metrics on each scrape; trading code measures nothing itself.

Counts and latencies come from the journal and the timestamps in the ledger, gauges from the running
app.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping
from decimal import Decimal

from prometheus_client import Histogram, generate_latest

from signalbot.app.services import Services
from signalbot.domain.events import EventKind
from signalbot.domain.money import ZERO
from signalbot.ledger.outbox import Outbox
from signalbot.ledger.profit import settlement_currency
from signalbot.ledger.timings import ProfitKey, TimedEvent, Timings
from signalbot.metrics.registry import MetricRegistry
from signalbot.observability.loop_lag import LoopLag

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_OUTCOMES = {
    EventKind.DECISION_ACCEPTED.value: "execute",
    EventKind.DECISION_SKIPPED.value: "skip",
}
"""The label ``outcome`` by event: the values of ``decisions.outcome`` in lower case."""

_STATUSES = {
    EventKind.EXECUTION_CLAIMED.value: "pending",
    EventKind.EXECUTION_EXECUTED.value: "executed",
    EventKind.EXECUTION_PARTIALLY_FILLED.value: "partial",
    EventKind.EXECUTION_OUTCOME_UNKNOWN.value: "unknown",
    EventKind.EXECUTION_FAILED.value: "failed",
}
"""The label ``status`` by event: the values of ``signal_executions.status``."""


class MetricsCollector:
    """The metrics of one running app; call ``begin`` once before ``render``."""

    def __init__(self, services: Services, *, lag: LoopLag) -> None:
        self._services = services
        self._database = database = services.storage.database
        self._lag = lag
        self._clock = services.clock
        self._timings = Timings(database)
        self._outbox = Outbox(database)
        self._meters = MetricRegistry()
        self._last_event_id = 0
        self._profit: defaultdict[ProfitKey, Decimal] = defaultdict(Decimal)
        self._lock = asyncio.Lock()
        database.on_duration(self._meters.commit.observe)

    async def begin(self) -> None:
        """Count events from now on; profit includes earlier trades.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        self._last_event_id, profit = await self._timings.begin()
        self._profit.update(profit)

    async def render(self) -> bytes:
        """The current metrics, in the format of ``CONTENT_TYPE``.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        async with self._lock:
            while events := await self._timings.after(self._last_event_id):
                for event in events:
                    self._count(event)
                self._last_event_id = events[-1].event_id
            await self._collect_protection()
            self._meters.queue.labels("notices").set(await self._outbox.depth())
        self._collect_accounts()
        self._collect_feed()
        self._collect_queues()
        return generate_latest(self._meters.registry)

    # --- events ----------------------------------------------------------------------------

    def _count(self, event: TimedEvent) -> None:
        meters = self._meters
        if event.kind in _OUTCOMES:
            meters.decisions.labels(_OUTCOMES[event.kind], event.detail["code"]).inc()
        if event.kind in _STATUSES:
            meters.executions.labels(event.mode, _STATUSES[event.kind]).inc()
        match event.kind:
            case EventKind.SIGNAL_CREATED:
                meters.signals.labels(event.strategy).inc()
                _observe(meters.candle_to_signal, event.candle_close_ms, event.created_at_ms)
            case EventKind.EXECUTION_CLAIMED:
                _observe(meters.signal_to_claim, event.created_at_ms, event.claimed_at_ms)
            case EventKind.EXECUTION_EXECUTED | EventKind.EXECUTION_PARTIALLY_FILLED:
                _observe(meters.claim_to_acknowledged, event.claimed_at_ms, event.executed_at_ms)
            case EventKind.POSITION_PROTECTED:
                _observe(meters.acknowledged_to_protected, event.executed_at_ms, event.at_ms)
            case EventKind.POSITION_CLOSED:
                self._count_close(event)

    def _count_close(self, event: TimedEvent) -> None:
        detail, mode = event.detail, str(event.detail["mode"])
        self._meters.closed.labels(event.strategy, mode, detail["close_reason"]).inc()
        self._meters.unprotected_s.labels(mode).inc((event.unprotected_ms or 0) / 1000)
        net = Decimal(detail["realized_pnl"]) - Decimal(detail["fees"]) + Decimal(detail["funding"])
        self._profit[str(event.strategy), mode, settlement_currency(str(event.symbol))] += net

    # --- current state ----------------------------------------------------------------------

    def _collect_accounts(self) -> None:
        meters, accounts = self._meters, self._services.control.accounts.values()
        meters.users.set(len(accounts))
        meters.unresolved_symbols.set(sum(len(account.unresolved_symbols) for account in accounts))
        state = self._services.execution.trading_state
        meters.halted.set(state.halted is not None or state.disk_low is not None)
        meters.reconciled.set(
            (self._clock.now_ms() - self._services.control.sync.oldest_comparison_ms()) / 1000
        )
        counts: Counter[tuple[str, str]] = Counter()
        unrealized: defaultdict[ProfitKey, Decimal] = defaultdict(Decimal)
        for account in accounts:
            mode = account.user.mode.value
            for symbol, position in account.positions.items():
                price = account.market.last_price(symbol)
                counts[position.strategy, mode] += 1
                unrealized[position.strategy, mode, settlement_currency(symbol)] += (
                    ZERO if price is None else position.unrealized_pnl(price)
                )
        meters.open_positions.clear()
        for labels, count in counts.items():
            meters.open_positions.labels(*labels).set(count)
        meters.unrealized_pnl.clear()
        for key, amount in unrealized.items():
            meters.unrealized_pnl.labels(*key).set(float(amount))
        self._collect_profit(self._profit)

    def _collect_profit(self, profit: Mapping[ProfitKey, Decimal]) -> None:
        for key, amount in profit.items():
            self._meters.net_pnl.labels(*key).set(float(amount))

    async def _collect_protection(self) -> None:
        since, now_ms = await self._timings.unprotected_since(), self._clock.now_ms()
        self._meters.unprotected.set(len(since))
        longest_ms = max((now_ms - each for each in since), default=0)
        self._meters.longest_unprotected.set(max(0, longest_ms) / 1000)

    def _collect_feed(self) -> None:
        meters, now_ms = self._meters, self._clock.now_ms()
        meters.feed_lag.clear()
        meters.feed_source.clear()
        for stream_key, stream in self._services.market_data.feed.streams.items():
            if stream.last_open_ms is not None:
                due_ms = stream.last_open_ms + 2 * stream_key.timeframe.ms
                meters.feed_lag.labels(str(stream_key)).set(max(0, now_ms - due_ms) / 1000)
            source = self._services.market_data.feed.source(stream_key)
            if source is not None:
                meters.feed_source.labels(str(stream_key), source.via).set(1)

    def _collect_queues(self) -> None:
        meters, requests = self._meters, 0
        now_ms = self._clock.now_ms()
        for name, exchange in self._services.market_data.exchanges.items():
            since = {each.egress: each.since_ms for each in exchange.outages()}
            for allowance in exchange.rate_allowances():
                meters.budget_left.labels(name, allowance.egress).set(allowance.left)
                requests += allowance.queued
                away_ms = now_ms - since.get(allowance.egress, now_ms)
                meters.outages.labels(name, allowance.egress).set(away_ms / 1000)
        meters.queue.labels("requests").set(requests)
        meters.queue.labels("inboxes").set(self._services.outbound.broadcaster.queued)
        meters.queue.labels("ledger").set(self._database.queued)
        meters.tasks.set(len(asyncio.all_tasks()))
        meters.loop_lag.set(self._lag.worst_s)


def _observe(histogram: Histogram, began_ms: int | None, ended_ms: int | None) -> None:
    if began_ms is not None and ended_ms is not None:
        histogram.observe(max(0, ended_ms - began_ms) / 1000)
