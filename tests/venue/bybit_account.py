"""Bybit's account endpoints: positions, their stops, modes, wallets and the transaction log."""

from decimal import Decimal
from typing import Any

from tests.venue import bybit_shapes as shapes
from tests.venue.bybit_errors import No, no, wrong
from tests.venue.bybit_orders import Private, position_side
from tests.venue.bybit_params import DAY_MS, Asked, in_category, market_of, number, page, span
from tests.venue.engine import Engine
from tests.venue.model import (
    Account,
    Kind,
    MarginMode,
    Market,
    Order,
    Origin,
    Position,
    PositionSide,
    Reason,
    Ticket,
)

_MODES = {"ISOLATED_MARGIN": MarginMode.ISOLATED, "REGULAR_MARGIN": MarginMode.CROSS}
Level = tuple[str, Kind, str, str, str]  #: its name and kind; the names of size, type and price
_LEVELS: tuple[Level, ...] = (
    ("stopLoss", Kind.STOP, "slSize", "slOrderType", "slLimitPrice"),
    ("takeProfit", Kind.TAKE_PROFIT, "tpSize", "tpOrderType", "tpLimitPrice"),
)


class AccountEndpoints:
    """What an account has and how it trades."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def routes(self) -> dict[tuple[str, str], Private]:
        """What is answered here, by method and path."""
        engine = self.engine
        return {
            ("GET", "position/list"): self._positions,
            ("POST", "position/trading-stop"): self._trading_stop,
            ("POST", "position/set-leverage"): self._set_leverage,
            ("POST", "position/switch-mode"): self._switch_mode,
            ("GET", "account/wallet-balance"): lambda a, p: {
                "list": [shapes.wallet(engine, a, p.get("coin", ""))]
            },
            ("GET", "account/info"): self._info,
            ("GET", "account/fee-rate"): self._fee_rate,
            ("GET", "account/transaction-log"): self._log,
            ("POST", "account/set-margin-mode"): self._set_margin_mode,
            ("GET", "user/query-api"): self._key,
        }  # fmt: skip

    # --- positions ------------------------------------------------------------------------------

    def _positions(self, account: Account, asked: Asked) -> Any:
        """A symbol's are told even when they are empty; of a coin, those that are held."""
        if asked.get("symbol"):
            market = self._linear(asked)
            found = shapes.shown_positions(account, market.id)
        elif asked.get("settleCoin"):
            found = [each for each in account.positions.values() if each.quantity]
        else:
            raise wrong("Missing some parameters that must be filled in, symbol or settleCoin")
        rows = [shapes.position(self.engine, account, each) for each in found]
        return page(asked, rows, most=200)

    def _linear(self, asked: Asked) -> Market:
        market = market_of(self.engine, asked)
        if market.is_spot:
            raise wrong("category only support linear")
        return market

    def _trading_stop(self, account: Account, asked: Asked) -> Any:
        """Stops of the whole position: moved, made, or with "0" taken away; or of a part."""
        market, mode = self._linear(asked), asked.get("tpslMode")
        if mode not in ("Full", "Partial") or "positionIdx" not in asked:
            raise wrong("tpslMode or positionIdx invalid")
        position = account.position(market.id, position_side(account, market, asked))
        if not position.quantity:
            raise no(Reason.NO_POSITION)
        named = [level for level in _LEVELS if asked.get(level[0]) is not None]
        if not named:
            raise No(34_040, "not modified")
        changed = [
            self._add_partial(account, position, asked, level) if mode == "Partial"
            else self._set_level(account, position, level[1], number(asked, level[0]))
            for level in named
        ]  # fmt: skip
        if not any(changed):
            raise No(34_040, "not modified")
        return {}

    def _set_level(
        self, account: Account, position: Position, kind: Kind, trigger: Decimal
    ) -> bool:
        resting = shapes.level_of(account, position, kind)
        if trigger == (resting.ask.trigger if resting is not None else 0):
            return False
        if resting is None:
            self._add(account, position, kind, trigger, whole=True)
        elif not trigger:
            self.engine.cancel(account, resting)
        else:
            self.engine.amend(account, resting, trigger=trigger)
        return True

    def _add_partial(
        self, account: Account, position: Position, asked: Asked, level: Level
    ) -> bool:
        """One more stop, of a size; these can only be added here."""
        name, kind, size, order_type, price = level
        limit = number(asked, price) if asked.get(order_type) == "Limit" else None
        self._add(
            account, position, kind, number(asked, name), quantity=number(asked, size), price=limit
        )
        return True

    def _add(
        self, account: Account, position: Position, kind: Kind, trigger: Decimal, *,
        whole: bool = False, quantity: Decimal | None = None, price: Decimal | None = None,
    ) -> Order:  # fmt: skip
        held = abs(position.quantity)
        if quantity is not None and quantity > held:
            raise No(110_058, "You can't set take profit and stop loss due to insufficient size.")
        ask = Ticket(
            client_id="", symbol=position.symbol, side=position.closing, kind=kind,
            trigger=trigger, reduce_only=position.side is PositionSide.BOTH, close_position=whole,
            quantity=quantity or held, origin=Origin.VENUE, price=price,
            position_side=position.side, extra={"partial": not whole},
        )  # fmt: skip
        return self.engine.place(account, ask)

    def _set_leverage(self, account: Account, asked: Asked) -> Any:
        """One for both sides; told apart only in hedge mode with isolated margin."""
        symbol, wanted = self._linear(asked).id, asked.get("buyLeverage")
        if wanted is None or wanted != asked.get("sellLeverage"):
            raise wrong("buy leverage invalid")
        if self.engine.leverage(account, symbol) == int(wanted):
            raise No(110_043, "leverage not modified")
        self.engine.set_leverage(account, symbol, int(wanted))
        return {}

    def _switch_mode(self, account: Account, asked: Asked) -> Any:
        """Of one symbol, or of every symbol of a coin."""
        hedged, symbol = int(asked.get("mode", 0)) == 3, ""
        if asked.get("symbol"):
            symbol = self._linear(asked).id
        elif not asked.get("coin"):
            raise wrong("symbol or coin is required")
        present = account.hedges(symbol) if symbol else account.is_hedged
        if hedged is present:
            raise No(110_025, "Position mode is not modified")
        self.engine.set_position_mode(account, hedged=hedged, symbol=symbol)
        return {}

    # --- the account ----------------------------------------------------------------------------

    def _info(self, account: Account, _: Asked) -> Any:
        isolated = shapes.is_isolated(self.engine, account)
        mode = "ISOLATED_MARGIN" if isolated else "REGULAR_MARGIN"
        return {"unifiedMarginStatus": 6, "marginMode": mode, "dcpStatus": "OFF"}

    def _fee_rate(self, _: Account, asked: Asked) -> Any:
        rules, spot = self.engine.rules, asked.get("category") == "spot"
        taker = rules.spot_taker_fee if spot else rules.taker_fee
        maker = rules.spot_maker_fee if spot else rules.maker_fee
        fits = in_category(self.engine, asked)
        names = [market.name for market in self.engine.markets.values() if fits(market.id)]
        return {
            "list": [
                {"symbol": name, "takerFeeRate": shapes.plain(taker),
                 "makerFeeRate": shapes.plain(maker)}
                for name in names
            ]
        }  # fmt: skip

    def _log(self, account: Account, asked: Asked) -> Any:
        """A day without a start; never more than a week at once; fifty rows a page."""
        since_ms, until_ms = span(asked, self.engine, default_ms=DAY_MS, documented=True)
        rows = [
            row for each in reversed(account.bookings)
            if since_ms <= each.at_ms <= until_ms
            for row in [shapes.log_row(self.engine, each)]
            if asked.get("type", row["type"]) == row["type"]
            and asked.get("currency", row["currency"]) == row["currency"]
            and asked.get("category", row["category"]) == row["category"]
        ]  # fmt: skip
        told = page(asked, rows)
        return {"list": told["list"], "nextPageCursor": told["nextPageCursor"]}

    def _set_margin_mode(self, account: Account, asked: Asked) -> Any:
        mode = _MODES.get(asked.get("setMarginMode", ""))
        if mode is None:
            raise wrong("setMarginMode invalid")
        for market in self.engine.markets.values():
            if not market.is_spot:
                self.engine.set_margin_mode(account, market.id, mode)
        return {"reasons": []}

    def _key(self, account: Account, _: Asked) -> Any:
        wallet = ["AccountTransfer"] + (["Withdraw"] if account.can_withdraw else [])
        trade = ["Order", "Position"] if account.can_trade else []
        spot = ["SpotTrade"] if account.can_trade else []
        return {
            "readOnly": 0 if account.can_trade else 1, "ips": ["127.0.0.1"],
            "permissions": {"ContractTrade": trade, "Spot": spot, "Wallet": wallet}, "uta": 1,
        }  # fmt: skip
