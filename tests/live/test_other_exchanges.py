"""The daemon at exchanges beside the three big ones: enter, target, stop, kill, restart, exit."""

import signal
from decimal import Decimal
from pathlib import Path

import pytest

from tests.live.live_daemon import LiveFixture, live
from tests.venue.model import Kind

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]

SYMBOLS = {
    "htx": "BTC/USDT:USDT",
    "mexc": "BTC/USDT:USDT",
    "bitget": "BTC/USDT:USDT",
    "krakenfutures": "BTC/USD:USD",
}


async def _start(rig: LiveFixture, symbol: str) -> None:
    """Candles close when minutes do here: signals are sent by hand."""
    file = rig.folder / "config.toml"
    file.write_text(file.read_text().replace("BTC/USDT:USDT", symbol))
    await rig.start(ready=False)
    await rig.daemon.wait_for("daemon.ready", seconds=90)


def _price(rig: LiveFixture, price: int) -> None:
    rig.venue.engine.set_price(rig.symbol, Decimal(price))


@pytest.mark.parametrize("exchange", SYMBOLS)
async def test_a_position_is_opened_guarded_and_closed_whatever_happens(
    exchange: str, tmp_path: Path
) -> None:
    """Each position behind one stop all the while, closed by its target, its stop or a signal."""
    symbol = SYMBOLS[exchange]
    async with live(tmp_path, "anna", dialect=exchange) as rig:
        await _start(rig, symbol)
        await _enter(rig, symbol, "first")
        _price(rig, 51_000)
        await rig.daemon.wait_for("position.closed", user_id="anna", reason="TAKE_PROFIT")
        await rig.until(lambda: not rig.resting("anna"), what="nothing rests")

        _price(rig, 50_000)
        await _enter(rig, symbol, "second")
        _price(rig, 48_900)
        await rig.daemon.wait_for("position.closed", user_id="anna", reason="STOP_LOSS")
        await rig.until(lambda: not rig.resting("anna"), what="nothing rests")

        _price(rig, 50_000)
        await _enter(rig, symbol, "third")
        rig.daemon.process.send_signal(signal.SIGKILL)
        await rig.died()
        await _start(rig, symbol)
        await rig.until(lambda: rig.is_covered("anna"), what="its stop is there")
        await rig.command("send", "trend", symbol, "EXIT_LONG", "--key", "out")
        await rig.daemon.wait_for("position.closed", user_id="anna", reason="EXIT_SIGNAL")
        await rig.until(lambda: not rig.resting("anna"), what="nothing rests")
        assert rig.held("anna") == 0
        await rig.fills_told("anna")
        positions = rig.rows("SELECT * FROM positions")
        assert [each["status"] for each in positions] == ["CLOSED"] * 3
        assert all(Decimal(each["fees"]) > 0 for each in positions)
        entries = [
            each for each in rig.account("anna").orders.values()
            if not each.ask.reduce_only and each.ask.kind is Kind.MARKET
        ]  # fmt: skip
        assert len(entries) == 3, "one for each signal"


async def _enter(rig: LiveFixture, symbol: str, key: str) -> None:
    await rig.command(
        "send", "trend", symbol, "LONG", "--stop-loss", "49000", "--take-profit", "51000",
        "--key", key,
    )  # fmt: skip
    await rig.until(lambda: rig.is_covered("anna"), what=f"{key}: one stop of its size")
    await rig.until(
        lambda: bool(rig.resting("anna", Kind.TAKE_PROFIT)), what=f"{key}: its target rests"
    )


async def test_coins_at_kraken_are_bought_guarded_and_sold(tmp_path: Path) -> None:
    """A stop that holds them, over a kill; then a signal sells them."""
    symbol = "BTC/USD"
    async with live(tmp_path, "anna", dialect="kraken") as rig:
        file = rig.folder / "config.toml"
        text = file.read_text().replace("leverage = 5", "leverage = 1")
        text = text.replace(
            "[exchanges.venue]", '[exchanges.venue]\nrequest_limits = { "46s" = 900 }'
        )
        file.write_text(
            text.replace(
                "[defaults.sizing]",
                '[defaults.protection]\ntake_profits_from = "none"\n[defaults.sizing]',
            )
        )
        await _start(rig, symbol)
        await rig.command("send", "trend", symbol, "LONG", "--stop-loss", "49000", "--key", "in")
        await rig.until(lambda: bool(rig.resting("anna", Kind.STOP)), what="its stop rests")
        rig.daemon.process.send_signal(signal.SIGKILL)
        await rig.died()
        await _start(rig, symbol)
        assert len(rig.resting("anna", Kind.STOP)) == 1
        await rig.command("send", "trend", symbol, "EXIT_LONG", "--key", "out")
        await rig.daemon.wait_for("position.closed", user_id="anna", reason="EXIT_SIGNAL")
        await rig.until(lambda: not rig.resting("anna"), what="nothing rests")
        assert rig.account("anna").coins["BTC"] < Decimal("0.0001")
