"""An account's own view of a live exchange: what is ours is known again, whatever it is called."""

from dataclasses import replace
from typing import Any

import pytest

from signalbot.domain.orders import ClientOrderId, OrderReport, OrderRequest
from signalbot.exchange.live.adapters.bybit_swap import BybitSwap
from signalbot.exchange.live.adapters.mexc import MexcSwap
from tests.exchange.live import test_bybit_requests as bybit
from tests.exchange.live import test_mexc_requests as mexc
from tests.exchange.live.accounts import account_at
from tests.exchange.live.loopback_exchange import LoopbackConnection, loopback_to, swap
from tests.exchange.live.wire_fixtures import ENTRY_ID, STOP_ID, SWAP, order, stop


async def _listed(line: LoopbackConnection, *watched: OrderRequest) -> dict[str, OrderReport]:
    """What rests, as an account tells it that was told of ``watched`` by the ledger."""
    account = account_at(line)
    for request in watched:
        account.watch(request)
    await account.poll()
    return {each.client_order_id: each for each in await account.open_orders()}


def _bybit_account(line: LoopbackConnection, *resting: dict[str, Any]) -> None:
    """One-way, five times, isolated; these orders rest."""
    held = {
        "symbol": "BTCUSDT", "leverage": "5", "size": "0.02", "side": "Buy", "positionIdx": 0,
        "avgPrice": "50000", "positionValue": "1000", "tradeMode": 0, "updatedTime": "0",
    }  # fmt: skip
    wallet = {"accountType": "UNIFIED", "totalAvailableBalance": "1000", "coin": []}
    line.answer("/v5/position/list", bybit.rows(held))
    line.answer("/v5/account/info", bybit.ok({"marginMode": "ISOLATED_MARGIN"}))
    line.answer("/v5/account/wallet-balance", bybit.ok({"list": [wallet]}))
    line.answer("/v5/order/realtime", bybit.rows(*resting))


async def test_a_stop_that_came_with_its_entry_is_known_after_a_restart() -> None:
    """It has no id of ours: price, side, kind and time say whose it is, without a look-up."""
    async with loopback_to(BybitSwap(), swap("BTCUSDT", lot="0.001")) as line:
        _bybit_account(line, bybit.shown("sl-1", **bybit.ATTACHED))
        listed = await _listed(line, stop(SWAP))
        assert set(listed) == {STOP_ID}
        assert listed[STOP_ID].exchange_order_id == "sl-1"
        assert "/v5/order/history" not in line.paths


@pytest.mark.parametrize(
    "change", [{"triggerPrice": "47000"}, {"side": "Buy"}, {"reduceOnly": False}]
)
async def test_a_stop_somebody_else_set_stays_foreign(change: dict[str, Any]) -> None:
    """Another price, side or kind is another's; it is listed under the exchange's own id."""
    async with loopback_to(BybitSwap(), swap("BTCUSDT", lot="0.001")) as line:
        _bybit_account(line, bybit.shown("sl-1", **(bybit.ATTACHED | change)))
        line.answer("/v5/order/history", bybit.rows())
        assert set(await _listed(line, stop(SWAP))) == {"sl-1"}


async def test_an_id_of_ours_says_more_than_a_likeness() -> None:
    """Two stops at one price: the one that names itself is itself, the other came along."""
    async with loopback_to(BybitSwap(), swap("BTCUSDT", lot="0.001")) as line:
        second = ClientOrderId("6" * 32)
        named = {**bybit.ATTACHED, "orderLinkId": second, "stopOrderType": "Stop"}
        _bybit_account(line, bybit.shown("sl-1", **bybit.ATTACHED), bybit.shown("stop-2", **named))
        again = _renamed(stop(SWAP), second)
        listed = await _listed(line, again, stop(SWAP))
        ids = {name: each.exchange_order_id for name, each in listed.items()}
        assert ids == {STOP_ID: "sl-1", second: "stop-2"}


async def test_plan_orders_without_ids_are_known_after_a_restart() -> None:
    """The same at an exchange where no stop or target carries an id."""
    async with loopback_to(MexcSwap(), swap("BTC_USDT", size="0.0001", lot="1")) as line:
        line.answer(mexc.LEVERAGE, mexc.levers(1))
        line.answer("/api/v1/private/position/position_mode", mexc.ok(2))
        line.answer("/api/v1/private/account/assets", mexc.ok([]))
        line.answer(mexc.PLANS, mexc.ok([mexc.plan(orderId="0")]))
        resting = mexc.order(state="2", dealVol="0")
        line.answer("/api/v1/private/order/list/open_orders", mexc.ok([resting]))
        listed = await _listed(line, mexc.STOP, order(SWAP))
        assert set(listed) == {ENTRY_ID, STOP_ID}


def _renamed(request: OrderRequest, name: ClientOrderId) -> OrderRequest:

    return replace(request, client_order_id=name)
