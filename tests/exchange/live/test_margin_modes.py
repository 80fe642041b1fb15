"""Exchanges that want the margin mode said with every order get the account's own."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from signalbot.domain.errors import OrderRejected, Unavailable
from signalbot.domain.orders import Leg, OrderType
from signalbot.domain.timeframe import Ms
from signalbot.exchange.live.adapters.base import ExchangeAdapter
from signalbot.exchange.live.adapters.bitget import BitgetSwap
from signalbot.exchange.live.adapters.mexc import MexcSwap
from signalbot.exchange.live.adapters.okx_swap import OkxSwap
from signalbot.tasks import SystemClock
from tests.exchange.live import test_bitget_requests as bitget
from tests.exchange.live import test_mexc_requests as mexc
from tests.exchange.live import test_okx_requests as okx
from tests.exchange.live.accounts import account_at
from tests.exchange.live.loopback_exchange import LoopbackConnection, loopback_to, swap
from tests.exchange.live.wire_fixtures import ENTRY_ID, EXIT_ID, SWAP, order

POSITIONS, PLACE = "/api/v5/account/positions", "/api/v5/trade/order"
LEVERAGE, SET_LEVERAGE = "/api/v5/account/leverage-info", "/api/v5/account/set-leverage"


class LaterClock(SystemClock):
    """The real one, which a test can put forward."""

    ahead_ms = 0

    def now_ms(self) -> Ms:
        return Ms(super().now_ms() + self.ahead_ms)


def at_okx() -> Any:
    return loopback_to(OkxSwap(), swap("BTC-USDT-SWAP", size="0.01", lot="0.01"))


def _at_bitget(line: LoopbackConnection) -> None:
    line.answer(bitget.ACCOUNT, bitget.account(marginMode="isolated"))
    line.answer(bitget.PLACE, bitget.ok({"orderId": "1", "clientOid": ENTRY_ID}))


def _at_mexc(line: LoopbackConnection) -> None:
    line.answer(mexc.LEVERAGE, mexc.levers(1))
    line.answer(mexc.HELD, mexc.ok([]))
    line.answer(mexc.CREATE, mexc.ok({"orderId": "1", "ts": 1}))


@pytest.mark.parametrize(
    ("dialect", "market", "answer", "asks", "places", "says"),
    [
        (
            BitgetSwap(), swap("BTCUSDT", lot="0.001"), _at_bitget, (bitget.ACCOUNT,),
            bitget.PLACE, {"marginMode": "isolated"},
        ),
        (
            MexcSwap(), swap("BTC_USDT", size="0.0001", lot="1"), _at_mexc,
            (mexc.HELD, mexc.LEVERAGE),
            mexc.CREATE, {"openType": 1},
        ),
    ],
    ids=["bitget", "mexc"],
)  # fmt: skip
async def test_the_mode_is_asked_for_once_and_said_with_every_order(
    dialect: ExchangeAdapter,
    market: dict[str, Any],
    answer: Callable[[LoopbackConnection], None],
    asks: tuple[str, ...],
    places: str,
    says: Mapping[str, Any],
) -> None:
    """Whoever has set it, it is the account's; nothing is kept in ccxt's client."""
    async with loopback_to(dialect, market) as line:
        answer(line)
        account, options = account_at(line), dict(line.api.client.options)
        limit = order(SWAP, type_=OrderType.LIMIT, price="50000")
        for _ in range(2):
            await account.submit(limit)
            assert says.items() <= line.says.items()
        assert line.paths == [*asks, places, places]
        assert line.api.client.options == options


async def test_no_entry_goes_out_before_the_margin_mode_is_known() -> None:
    """The exchange's default would be a mode its owner did not choose."""
    async with at_okx() as line:
        line.answer(POSITIONS, okx.ok())
        with pytest.raises(Unavailable, match="never sent"):
            await account_at(line).submit(order(SWAP))
        assert line.paths == [POSITIONS]


async def test_an_exit_goes_out_in_the_mode_of_its_position() -> None:
    """Nothing has been set up yet, and still a position can be closed."""
    async with at_okx() as line:
        line.answer(POSITIONS, okx.ok(okx.position(mgnMode="cross")))
        shown = {"mgnMode": "cross", "posSide": "net", "lever": "3"}
        line.answer("/api/v5/account/leverage-info", okx.ok(shown))
        sold = okx.plain("77", clOrdId=EXIT_ID, side="sell", **okx.FILLED)
        line.answer(PLACE, okx.ok(okx.PLACED | {"clOrdId": EXIT_ID}), okx.ok(sold))
        await account_at(line).submit(order(SWAP, Leg.EXIT))
        (placed,) = (each for each in line.all_said if "tdMode" in each)
        assert placed["tdMode"] == "cross"


async def test_an_account_without_a_mode_takes_the_one_its_owner_wants() -> None:
    """Read back with its leverage, so that nothing is set which is so already."""
    async with at_okx() as line:
        line.answer(POSITIONS, okx.ok())
        line.answer("/api/v5/account/config", okx.ok({"acctLv": "2", "posMode": "net_mode"}))
        shown = {"instId": "BTC-USDT-SWAP", "mgnMode": "isolated", "posSide": "net", "lever": "5"}
        line.answer("/api/v5/account/leverage-info", okx.ok(shown))
        line.answer("/api/v5/account/balance", okx.details())
        line.answer(PLACE, okx.ok(okx.PLACED | {"clOrdId": ENTRY_ID}))
        account = account_at(line)
        await account.set_up()
        assert "/api/v5/account/set-leverage" not in line.paths
        await account.submit(order(SWAP, type_=OrderType.LIMIT, price="50000"))
        assert line.says["tdMode"] == "isolated"


async def test_what_could_not_be_set_is_tried_again_and_told_once() -> None:
    """The owner cancels an order that stood in the way, and the symbol takes entries again."""
    shown = {"instId": "BTC-USDT-SWAP", "mgnMode": "isolated", "posSide": "net"}
    clock = LaterClock()
    async with at_okx() as line:
        line.answer(POSITIONS, okx.ok())
        line.answer("/api/v5/account/config", okx.ok({"acctLv": "2", "posMode": "net_mode"}))
        line.answer("/api/v5/account/balance", okx.details())
        line.answer("/api/v5/trade/orders-pending", okx.ok())
        line.answer("/api/v5/trade/orders-algo-pending", okx.ok())
        line.answer(LEVERAGE, okx.ok(shown | {"lever": "3"}))
        line.answer(SET_LEVERAGE, {"code": "59000", "msg": "cancel your orders", "data": []})
        line.answer(PLACE, okx.ok(okx.PLACED | {"clOrdId": ENTRY_ID}))
        account = account_at(line, clock=clock)
        entry = order(SWAP, type_=OrderType.LIMIT, price="50000")
        with capture_logs() as told:
            for _ in range(3):
                await account.set_up()
                clock.ahead_ms += 60_000
            assert line.paths.count(SET_LEVERAGE) == 3
            assert [each["event"] for each in told] == ["account.setup_failed"]
            with pytest.raises(OrderRejected, match="cancel your orders"):
                await account.submit(entry)
            line.answer(LEVERAGE, okx.ok(shown | {"lever": "5"}))
            await account.set_up()
            assert [each["event"] for each in told if each["log_level"] == "error"] == [
                "account.setup_failed"
            ]
        await account.submit(entry)
        assert line.says["tdMode"] == "isolated"
