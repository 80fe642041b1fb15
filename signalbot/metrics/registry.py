"""All metrics: names, labels and meanings."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric
from prometheus_client.process_collector import ProcessCollector

_LATENCY_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_COMMIT_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


class MetricRegistry:
    """The metrics of one collector, in a separate registry; no label names a user."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=self.registry)
        self._latencies()
        self._counts()
        self._state()

    def _latencies(self) -> None:
        self.candle_to_signal = self._histogram(
            "candle_to_signal", "From a candle's close to its stored signal."
        )
        self.signal_to_claim = self._histogram(
            "signal_to_claim", "From a signal to the durable claim of one user's execution."
        )
        self.claim_to_acknowledged = self._histogram(
            "claim_to_acknowledged",
            "From the claim to the exchange's acknowledgement of the filled entry.",
        )
        self.acknowledged_to_protected = self._histogram(
            "acknowledged_to_protected", "From that acknowledgement to the confirmed stop."
        )
        self.commit = self._histogram(
            "ledger_commit", "Duration of one group commit of the ledger.", buckets=_COMMIT_BUCKETS
        )

    def _counts(self) -> None:
        self.signals = self._counter("signals", "Signals created.", "strategy")
        self.decisions = self._counter(
            "decisions", "Decisions of users on signals, with their codes.",
            "outcome", "code",
        )  # fmt: skip
        self.executions = self._counter(
            "executions", "Executions by status; pending counts every claim.",
            "mode", "status",
        )  # fmt: skip
        self.closed = self._counter(
            "positions_closed", "Positions closed, by reason.", "strategy", "mode", "reason"
        )
        self.unprotected_s = self._counter(
            "unprotected_seconds",
            "Seconds without a stop of positions closed since the start.",
            "mode",
        )

    def _state(self) -> None:
        self.users = self._gauge("users", "Users with a running account.")
        self.open_positions = self._gauge("open_positions", "Open positions.", "strategy", "mode")
        self.net_pnl = self._gauge(
            "net_pnl", "Profit of all closed positions after fees and funding.",
            "strategy", "mode", "currency",
        )  # fmt: skip
        self.unrealized_pnl = self._gauge(
            "unrealized_pnl", "Profit of open positions at last prices, before fees.",
            "strategy", "mode", "currency",
        )  # fmt: skip
        self.unprotected = self._gauge(
            "positions_unprotected", "Open positions whose required stop is not confirmed."
        )
        self.longest_unprotected = self._gauge(
            "longest_unprotected_seconds", "The longest time that one of them has been unprotected."
        )
        self.unresolved_symbols = self._gauge(
            "symbols_in_doubt", "Symbols whose entries wait for an order's outcome."
        )
        self.halted = self._gauge(
            "trading_halted", "1 while all entries are blocked: trading halted, or disk space low."
        )
        self.feed_lag = self._gauge(
            "feed_lag_seconds", "Time by which the next candle of a stream is overdue.", "stream"
        )
        self.feed_source = self._gauge(
            "feed_source", "1 for the source of the last candle: websocket, rest, simulated.",
            "stream", "source",
        )  # fmt: skip
        self.outages = self._gauge(
            "exchange_away_seconds", "Time without a response of an exchange; 0 while it responds.",
            "exchange", "egress",
        )  # fmt: skip
        self.budget_left = self._gauge(
            "request_budget_left_ratio", "Remaining share of the tightest request limit, 0 to 1.",
            "exchange", "egress",
        )  # fmt: skip
        self.queue = self._gauge(
            "queue_depth",
            "Queued items: signals in inboxes, ledger writes, requests, notices.",
            "queue",
        )
        self.tasks = self._gauge("tasks", "Tasks of the event loop.")
        self.loop_lag = self._gauge(
            "loop_lag_seconds", "Worst delay of the event loop in the last 15 seconds."
        )
        self.reconciled = self._gauge(
            "reconciled_seconds", "Time since the least recent reconciliation of an exchange."
        )

    def _histogram(
        self, name: str, meaning: str, *, buckets: tuple[float, ...] = _LATENCY_BUCKETS
    ) -> Histogram:
        return Histogram(
            f"signalbot_{name}_seconds", meaning, buckets=buckets, registry=self.registry
        )

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(f"signalbot_{name}", meaning, labels, registry=self.registry)

    def _gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        return Gauge(f"signalbot_{name}", meaning, labels, registry=self.registry)


def metrics_table() -> str:
    """The metrics as a Markdown table."""
    rows = (
        f"| `{name}` | {family.type} | {family.documentation} |"
        for name, family in exposed_metrics(MetricRegistry()).items()
    )
    return "\n".join(("| Metric | Type | Meaning |", "|---|---|---|", *rows, ""))


def exposed_metrics(meters: MetricRegistry) -> dict[str, Metric]:
    """The metrics of signalbot, by the name of their samples."""
    return {
        f"{family.name}_total" if family.type == "counter" else family.name: family
        for family in meters.registry.collect()
        if family.name.startswith("signalbot_")
    }
