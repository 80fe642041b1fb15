"""What is scraped is what happened: a trade followed through its metrics."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from signalbot.domain.users import UserId
from signalbot.metrics.collector import MetricsCollector
from signalbot.observability.loop_lag import LoopLag
from tests.simulation import BTC, Simulation, run_in_virtual_time, user

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


class Scraped:
    """One scrape, read by Prometheus' own parser."""

    def __init__(self, text: bytes) -> None:
        self.samples: Samples = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text.decode())
            for sample in family.samples
        }

    def value(self, name: str, **labels: str) -> float | None:
        return self.samples.get((f"signalbot_{name}", frozenset(labels.items())))


def watched(
    folder: Path, story: Callable[[Simulation, Callable[[], Awaitable[Scraped]]], Awaitable[None]]
) -> None:
    """A world with two users whose metrics can be scraped at any time."""

    async def scene(w: Simulation) -> None:
        metrics = MetricsCollector(w.services, lag=LoopLag(w.clock))
        await metrics.begin()

        async def scrape() -> Scraped:
            return Scraped(await metrics.render())

        await story(w, scrape)

    run_in_virtual_time(
        folder, scene, user("anna"), user("ben", extra="risk = { max_open_positions = 1 }")
    )


def test_before_anything_happens_there_is_nothing_to_count(tmp_path: Path) -> None:
    """A fresh daemon shows zeros, not gaps, for what must be watched."""

    async def story(w: Simulation, scrape: Callable[[], Awaitable[Scraped]]) -> None:
        seen = await scrape()
        assert seen.value("users") == 2
        assert seen.value("positions_unprotected") == 0
        assert seen.value("longest_unprotected_seconds") == 0
        assert seen.value("trading_halted") == 0
        assert seen.value("signal_to_claim_seconds_count") == 0

    watched(tmp_path, story)


def test_a_trade_is_counted_at_every_step(tmp_path: Path) -> None:
    """Signal, decisions, claims, answers, stops, close and profit, each once."""

    async def story(w: Simulation, scrape: Callable[[], Awaitable[Scraped]]) -> None:
        await w.send(w.make())
        await w.send(w.make(key="2", symbol="ETH/USDT:USDT"))
        seen = await scrape()
        assert seen.value("signals_total", strategy="trend") == 2
        assert seen.value("decisions_total", outcome="execute", code="APPROVED") == 3
        refused = seen.value("decisions_total", outcome="skip", code="MAX_OPEN_POSITIONS")
        assert refused == 1
        assert seen.value("executions_total", mode="paper", status="pending") == 3
        assert seen.value("executions_total", mode="paper", status="executed") == 3
        for step in ("signal_to_claim", "claim_to_acknowledged", "acknowledged_to_protected"):
            assert seen.value(f"{step}_seconds_count") == 3, step
        assert seen.value("candle_to_signal_seconds_count") == 2
        assert seen.value("open_positions", strategy="trend", mode="paper") == 3
        await w.price("85")
        closed = await scrape()
        assert closed.value("open_positions", strategy="trend", mode="paper") == 1
        reasons = {"strategy": "trend", "mode": "paper", "reason": "STOP_LOSS"}
        assert closed.value("positions_closed_total", **reasons) == 2
        earned = closed.value("net_pnl", strategy="trend", mode="paper", currency="USDT")
        assert earned is not None
        assert earned < -100
        assert (await scrape()).value("signals_total", strategy="trend") == 2

    watched(tmp_path, story)


def test_profit_made_before_the_start_is_not_forgotten(tmp_path: Path) -> None:
    """Counters begin anew with the daemon; what was earned does not."""

    async def story(w: Simulation, scrape: Callable[[], Awaitable[Scraped]]) -> None:
        await w.send(w.make())
        await w.price("85")
        labels = {"strategy": "trend", "mode": "paper", "currency": "USDT"}
        before = (await scrape()).value("net_pnl", **labels)
        later = MetricsCollector(w.services, lag=LoopLag(w.clock))
        await later.begin()
        seen = Scraped(await later.render())
        assert seen.value("net_pnl", **labels) == before
        assert seen.value("signals_total", strategy="trend") is None

    watched(tmp_path, story)


def test_a_position_without_its_stop_is_seen_while_it_lasts(tmp_path: Path) -> None:
    """How many, and for how long the worst."""

    async def story(w: Simulation, scrape: Callable[[], Awaitable[Scraped]]) -> None:
        await w.send(w.make())
        await w.database.execute(
            "UPDATE orders SET status = 'cancelled', updated_at_ms = ? "
            "WHERE leg = 'stop_loss' AND user_id = 'anna'",
            (w.clock.now_ms() - 7_000,),
        )
        seen = await scrape()
        assert seen.value("positions_unprotected") == 1
        assert seen.value("longest_unprotected_seconds") == 7

    watched(tmp_path, story)


def test_a_stream_that_falls_silent_is_overdue(tmp_path: Path) -> None:
    """Its lag grows from the moment at which the next candle should have closed."""

    async def story(w: Simulation, scrape: Callable[[], Awaitable[Scraped]]) -> None:
        for _ in range(10):
            await w.price("100")
        stream = f"sim {BTC} 5m"
        fresh = await scrape()
        assert fresh.value("feed_lag_seconds", stream=stream) == 0
        assert fresh.value("feed_source", stream=stream, source="simulated") == 1
        await w.clock.sleep(900)
        lag = (await scrape()).value("feed_lag_seconds", stream=stream)
        assert lag is not None
        assert 600 <= lag <= 900

    watched(tmp_path, story)


def test_halting_is_seen(tmp_path: Path) -> None:
    """At the next scrape."""

    async def story(w: Simulation, scrape: Callable[[], Awaitable[Scraped]]) -> None:
        await w.services.execution.trading_state.halt_all("test")
        assert (await scrape()).value("trading_halted") == 1
        assert w.services.control.accounts[UserId("anna")].unresolved_symbols == set()
        assert (await scrape()).value("symbols_in_doubt") == 0

    watched(tmp_path, story)
