"""OKX's account endpoints: balances, positions, modes, leverage and bills."""

from typing import Any

from tests.venue import okx_shapes as shapes
from tests.venue.engine import Engine
from tests.venue.model import Account, PositionSide
from tests.venue.okx_errors import No, wrong
from tests.venue.okx_orders import Private
from tests.venue.okx_params import (
    DAY_MS,
    THREE_MONTHS_MS,
    Asked,
    fits,
    market_of,
    number,
    page,
    since,
    until,
)


class AccountEndpoints:
    """What an account has and how it trades."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def routes(self) -> dict[tuple[str, str], Private]:
        """What is answered here, by method and path."""
        engine = self.engine
        return {
            ("GET", "account/positions"): self._positions,
            ("GET", "account/balance"): lambda a, p: [
                shapes.balance(engine, a, p.get("ccy", ""))
            ],
            ("GET", "account/bills"): lambda a, p: self._bills(a, p, 7 * DAY_MS),
            ("GET", "account/bills-archive"): lambda a, p: self._bills(a, p, THREE_MONTHS_MS),
            ("GET", "account/config"): self._config,
            ("GET", "account/leverage-info"): self._leverage,
            ("POST", "account/set-leverage"): self._set_leverage,
            ("POST", "account/set-position-mode"): self._set_position_mode,
            ("POST", "account/position/margin-balance"): self._margin,
            ("GET", "account/trade-fee"): self._fees,
        }  # fmt: skip

    def _positions(self, account: Account, asked: Asked) -> Any:
        wanted = asked["instId"].split(",") if asked.get("instId") else list(self.engine.markets)
        return [
            shapes.position(self.engine, account, each)
            for symbol in wanted if symbol in self.engine.markets
            for each in account.of_symbol(symbol)
            if fits(self.engine, {"instType": asked.get("instType", "")}, symbol)
        ]  # fmt: skip

    def _bills(self, account: Account, asked: Asked, oldest_ms: int) -> Any:
        """Every change of a balance, newest first; bill ids are what pages go by."""
        since_ms, until_ms = since(asked, self.engine, oldest_ms, documented=True), until(asked)
        rows = [
            shapes.bill(self.engine, account, each) for each in reversed(account.bookings)
            if since_ms <= each.at_ms <= until_ms
        ]  # fmt: skip
        filters = ("instType", "instId", "ccy", "type", "subType", "mgnMode")
        rows = [
            row for row in rows if all(asked.get(name, row[name]) == row[name] for name in filters)
        ]
        return page(asked, rows, "billId")

    def _config(self, account: Account, _: Asked) -> Any:
        rights = ["read_only", "trade"] + (["withdraw"] if account.can_withdraw else [])
        mode = "long_short_mode" if account.is_hedged else "net_mode"
        return [{"uid": "1", "acctLv": "2", "posMode": mode, "perm": ",".join(rights), "ip": ""}]

    def _leverage(self, account: Account, asked: Asked) -> Any:
        symbol = market_of(self.engine, asked).id
        lever = str(self.engine.leverage(account, symbol))
        sides = ("long", "short") if account.is_hedged else ("net",)
        return [
            {"instId": symbol, "mgnMode": asked["mgnMode"], "posSide": side, "lever": lever}
            for side in sides
        ]

    def _set_leverage(self, account: Account, asked: Asked) -> Any:
        """In long/short mode with isolated margin of one side; not while algo orders wait."""
        symbol, mode = market_of(self.engine, asked).id, asked.get("mgnMode")
        if mode not in ("cross", "isolated"):
            raise wrong("mgnMode")
        waits = any(
            order.ask.symbol == symbol and order.is_conditional for order in account.open.values()
        )
        if self.engine.switches.strict_leverage and waits:
            code, text = (59_668, "isolated margin") if mode == "isolated" else (
                59_669, "cross-margin"
            )  # fmt: skip
            raise No(code, f"Cancel {text} TP/SL, trailing, trigger, and chase orders or stop bots "
                     "before adjusting your leverage.")  # fmt: skip
        self.engine.set_leverage(account, symbol, int(asked["lever"]))
        return self._leverage(account, asked)

    def _set_position_mode(self, account: Account, asked: Asked) -> Any:
        modes = {"long_short_mode": True, "net_mode": False}
        if asked.get("posMode") not in modes:
            raise wrong("posMode")
        hedged = modes[asked["posMode"]]
        if hedged is not account.is_hedged:
            self.engine.set_position_mode(account, hedged=hedged)
        return [{"posMode": asked.get("posMode")}]

    def _margin(self, account: Account, asked: Asked) -> Any:
        """More or less behind an isolated position."""
        market, amount = market_of(self.engine, asked), number(asked, "amt")
        sides = {"net": PositionSide.BOTH, "long": PositionSide.LONG, "short": PositionSide.SHORT}
        position = account.position(market.id, sides[asked.get("posSide", "net")])
        if not position.quantity or not self.engine.is_isolated(account, market.id):
            raise No(59_300, "Margin call failed. Position does not exist.")
        added = amount if asked.get("type") == "add" else -amount
        left = position.margin + added - self.engine.margin_of(account, position)
        if added > self.engine.available(account) or (added < 0 and left < 0):
            raise No(59_301, "Margin adjustment failed for exceeding the max limit.")
        position.margin += added
        return [{"instId": market.id, "posSide": asked.get("posSide"), "amt": asked["amt"],
                 "type": asked.get("type"), "leverage": "", "ccy": market.quote}]  # fmt: skip

    def _fees(self, _: Account, asked: Asked) -> Any:
        rules, spot = self.engine.rules, asked.get("instType") == "SPOT"
        maker = -(rules.spot_maker_fee if spot else rules.maker_fee)
        taker = -(rules.spot_taker_fee if spot else rules.taker_fee)
        told = {"maker": shapes.plain(maker), "taker": shapes.plain(taker)}
        swap = {"makerU": told["maker"], "takerU": told["taker"]}
        return [{**told, **swap, "instType": asked.get("instType"), "level": "Lv1",
                 "ts": str(self.engine.now_ms())}]  # fmt: skip
