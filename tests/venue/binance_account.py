"""Binance's account endpoints: balance, positions, leverage, modes, permissions."""

from typing import Any

from tests.venue import binance_shapes as shapes
from tests.venue.binance_errors import No, missing
from tests.venue.binance_market import brackets
from tests.venue.binance_orders import Private
from tests.venue.binance_params import (
    DAY_MS,
    Params,
    decimal,
    integer,
    limited,
    required,
    window,
)
from tests.venue.engine import Engine
from tests.venue.model import Account, MarginMode, PositionSide, Reason, Refused


class AccountEndpoints:
    """What an account has and how it trades."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def routes(self) -> dict[tuple[str, str], Private]:
        """What is answered here, by method and path."""
        engine = self.engine
        return {
            ("GET", "account"): lambda a, p: shapes.account_of(engine, a, version=p["version"]),
            ("GET", "balance"): lambda a, _: shapes.balances(engine, a),
            ("GET", "positionRisk"): self._positions,
            ("POST", "leverage"): self._leverage,
            ("POST", "marginType"): self._margin_type,
            ("GET", "positionSide/dual"): lambda a, _: {"dualSidePosition": a.is_hedged},
            ("POST", "positionSide/dual"): self._position_side,
            ("GET", "multiAssetsMargin"): lambda a, _: {"multiAssetsMargin": a.is_multi_asset},
            ("POST", "multiAssetsMargin"): self._multi_assets,
            ("GET", "leverageBracket"): self._brackets,
            ("GET", "symbolConfig"): self._symbol_config,
            ("GET", "accountConfig"): self._account_config,
            ("GET", "income"): self._income,
            ("GET", "commissionRate"): self._commission,
            ("GET", "feeBurn"): lambda a, _: {"feeBurn": a.pays_fees_in == "BNB"},
            ("POST", "feeBurn"): self._fee_burn,
            ("POST", "positionMargin"): self._position_margin,
            ("GET", "apiTradingStatus"): lambda *_: {
                "indicators": {}, "updateTime": engine.now_ms()
            },
            ("GET", "account/apiRestrictions"): lambda a, _: restrictions(a),
            ("GET", "capital/config/getall"): lambda *_: [],
        }  # fmt: skip

    def _positions(self, account: Account, params: Params) -> Any:
        wanted = [params["symbol"]] if params.get("symbol") else list(self.engine.markets)
        rows = [
            row
            for each in wanted
            for row in shapes.shown_positions(self.engine, account, self.engine.market_of(each).id)
        ]
        ordered = {order.ask.symbol for order in account.open.values()}
        only_live = params["version"] == "v3"
        return [
            shapes.position_risk(self.engine, account, each)
            for each in rows
            if each.quantity or not only_live or (self.engine.switches.windows
                                                  and each.symbol in ordered)
        ]  # fmt: skip

    def _leverage(self, account: Account, params: Params) -> Any:
        symbol, leverage = required(params, "symbol"), integer(params, "leverage")
        try:
            self.engine.set_leverage(account, symbol, leverage)
        except Refused as e:
            if e.reason is Reason.LEVERAGE and not e.detail:
                raise No(-4028, f"Leverage {leverage} is not valid") from e
            raise
        return {"leverage": leverage, "maxNotionalValue": "40000000", "symbol": symbol}

    def _margin_type(self, account: Account, params: Params) -> Any:
        symbol, wanted = required(params, "symbol"), required(params, "marginType")
        modes = {"CROSSED": MarginMode.CROSS, "ISOLATED": MarginMode.ISOLATED}
        if wanted not in modes:
            raise missing("marginType")
        if self.engine.margin_mode(account, symbol) is modes[wanted]:
            raise No(-4046, "No need to change margin type.")
        if account.is_multi_asset and wanted == "ISOLATED":
            raise No(-4168, "Unable to adjust to isolated-margin mode under Multi-Assets mode.")
        self.engine.set_margin_mode(account, symbol, modes[wanted])
        return {"code": 200, "msg": "success"}

    def _position_side(self, account: Account, params: Params) -> Any:
        wanted = required(params, "dualSidePosition").lower() == "true"
        if wanted is account.is_hedged:
            raise No(-4059, "No need to change position side.")
        self.engine.set_position_mode(account, hedged=wanted)
        return {"code": 200, "msg": "success"}

    def _multi_assets(self, account: Account, params: Params) -> Any:
        wanted = required(params, "multiAssetsMargin").lower() == "true"
        if wanted is account.is_multi_asset:
            raise No(-4171, "No need to change Multi-Assets mode.")
        self.engine.set_multi_assets(account, multi=wanted)
        return {"code": 200, "msg": "success"}

    def _brackets(self, _: Account, params: Params) -> Any:
        wanted = [params["symbol"]] if params.get("symbol") else list(self.engine.markets)
        return [brackets(self.engine.market_of(each)) for each in wanted]

    def _symbol_config(self, account: Account, params: Params) -> Any:
        wanted = [params["symbol"]] if params.get("symbol") else list(self.engine.markets)
        return [
            shapes.symbol_config(self.engine, account, self.engine.market_of(each).id)
            for each in wanted
        ]

    def _account_config(self, account: Account, _: Params) -> Any:
        return {
            "feeTier": 0, "canTrade": account.can_trade, "canDeposit": True,
            "canWithdraw": account.can_withdraw, "dualSidePosition": account.is_hedged,
            "updateTime": 0, "multiAssetsMargin": account.is_multi_asset, "tradeGroupId": -1,
        }  # fmt: skip

    def _income(self, account: Account, params: Params) -> Any:
        """Of the last three months; by pages when ``page`` is named."""
        switches, kind = self.engine.switches, params.get("incomeType", "")
        span = window(params, self.engine, oldest_ms=90 * DAY_MS)
        fitting = [
            row for each in account.bookings if span.has(each.at_ms)
            and params.get("symbol", each.symbol) == each.symbol
            for row in shapes.incomes(each) if kind in ("", row["incomeType"])
        ]  # fmt: skip
        default = 100 if switches.windows else 500
        if not params.get("page"):
            return limited(fitting, params, default=default)
        size, page = integer(params, "limit", default), integer(params, "page")
        return limited(fitting[(page - 1) * size : page * size], {**params, "startTime": "1"})

    def _fee_burn(self, account: Account, params: Params) -> Any:
        account.pays_fees_in = "BNB" if required(params, "feeBurn").lower() == "true" else ""
        return {"code": 200, "msg": "success"}

    def _position_margin(self, account: Account, params: Params) -> Any:
        """Add to (1), or take from (2), what is behind an isolated position."""
        symbol, kind = required(params, "symbol"), integer(params, "type")
        side = PositionSide((params.get("positionSide") or "BOTH").lower())
        position = account.position(self.engine.market_of(symbol).id, side)
        if not self.engine.is_isolated(account, symbol):
            raise No(-4049, "Add margin only support for isolated position.")
        if not position.quantity:
            raise No(-4054, "Cannot add position margin: position is 0.")
        amount = decimal(params, "amount")
        least = self.engine.margin_of(account, position)
        if kind == 1 and amount > self.engine.available(account):
            raise No(-4050, "Cross balance insufficient.")
        if kind == 2 and position.margin - amount < least:
            raise No(-4051, "Isolated balance insufficient.")
        position.margin += amount if kind == 1 else -amount
        return {"amount": amount, "code": 200, "msg": "Successfully modify position margin.",
                "type": kind}  # fmt: skip

    def _commission(self, _: Account, params: Params) -> Any:
        symbol = self.engine.market_of(required(params, "symbol")).id
        rules = self.engine.rules
        return {
            "symbol": symbol, "makerCommissionRate": rules.maker_fee,
            "takerCommissionRate": rules.taker_fee,
        }  # fmt: skip


def restrictions(account: Account, *, spot: bool = False) -> Any:
    """What ``/sapi/v1/account/apiRestrictions`` tells of a key."""
    return {
        "ipRestrict": account.is_ip_bound, "createTime": 1_700_000_000_000,
        "enableReading": True, "enableSpotAndMarginTrading": spot and account.can_trade,
        "enableWithdrawals": account.can_withdraw, "enableInternalTransfer": False,
        "enableMargin": False, "enableFutures": account.can_trade and not spot,
        "permitsUniversalTransfer": False, "enableVanillaOptions": False,
        "enableFixApiTrade": False, "enableFixReadOnly": True,
        "enablePortfolioMarginTrading": False,
    }  # fmt: skip
