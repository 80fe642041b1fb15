"""Binance spot's account endpoints: balances per coin, fees, permissions."""

from typing import Any

from tests.venue import binance_spot_shapes as shapes
from tests.venue.binance_account import restrictions
from tests.venue.binance_orders import Private
from tests.venue.binance_params import Params, required
from tests.venue.binance_shapes import money
from tests.venue.engine import Engine
from tests.venue.model import Account


class SpotAccountEndpoints:
    """What an account has and pays."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def routes(self) -> dict[tuple[str, str], Private]:
        """What is answered here, by method and path."""
        return {
            ("GET", "account"): self._account,
            ("GET", "account/commission"): self._commission,
            ("GET", "account/apiRestrictions"): lambda a, _: restrictions(a, spot=True),
            ("GET", "capital/config/getall"): lambda *_: [],
            ("GET", "asset/tradeFee"): self._trade_fees,
            ("GET", "margin/allAssets"): lambda *_: [],
            ("GET", "margin/allPairs"): lambda *_: [],
            ("GET", "margin/isolated/allPairs"): lambda *_: [],
            ("GET", "bnbBurn"): lambda a, _: {
                "spotBNBBurn": a.pays_fees_in == "BNB", "interestBNBBurn": False
            },
            ("POST", "bnbBurn"): self._burn,
        }  # fmt: skip

    def _account(self, account: Account, params: Params) -> Any:
        omit = params.get("omitZeroBalances", "").lower() == "true"
        return shapes.account_of(self.engine, account, omit_zero=omit)

    def _commission(self, account: Account, params: Params) -> Any:
        rules, zero = self.engine.rules, money(self.engine.rules.spot_maker_fee * 0)
        rates = {
            "maker": money(rules.spot_maker_fee), "taker": money(rules.spot_taker_fee),
            "buyer": zero, "seller": zero,
        }  # fmt: skip
        return {
            "symbol": self.engine.market_of(required(params, "symbol")).id,
            "standardCommission": rates,
            "discount": {"enabledForAccount": account.pays_fees_in == "BNB",
                         "enabledForSymbol": True, "discountAsset": "BNB",
                         "discount": money(1 - rules.coin_fee_share)},
        }  # fmt: skip

    def _trade_fees(self, _: Account, params: Params) -> Any:
        rules = self.engine.rules
        wanted = [params["symbol"]] if params.get("symbol") else list(self.engine.markets)
        return [
            {"symbol": self.engine.market_of(each).id, "makerCommission": rules.spot_maker_fee,
             "takerCommission": rules.spot_taker_fee}
            for each in wanted
        ]  # fmt: skip

    def _burn(self, account: Account, params: Params) -> Any:
        account.pays_fees_in = "BNB" if params.get("spotBNBBurn", "").lower() == "true" else ""
        return {"spotBNBBurn": account.pays_fees_in == "BNB", "interestBNBBurn": False}
