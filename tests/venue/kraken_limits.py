"""Kraken's published limits: a counter per key, another per key and pair, and open orders.

Sources: the guides "Spot REST Rate Limits" and "Spot Trading Limits". How many public requests an
address may send in a row is not documented: a few, then one a second.
"""

from dataclasses import dataclass

from tests.venue.counters import Decaying
from tests.venue.http_wire import Call
from tests.venue.kraken_engine import KrakenEngine, to_number
from tests.venue.model import Account, Order


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """What a verified account may do."""

    calls: float  #: where the counter of private requests must stay
    calls_decay: float  #: a second
    orders: float  #: where the counter of orders of a pair must stay
    orders_decay: float
    most_open: int  #: orders of one pair


TIERS = {
    "starter": Tier(calls=15, calls_decay=0.33, orders=60, orders_decay=1, most_open=60),
    "intermediate": Tier(calls=20, calls_decay=0.5, orders=125, orders_decay=2.34, most_open=80),
    "pro": Tier(calls=20, calls_decay=1, orders=180, orders_decay=3.75, most_open=225),
}
_UNCOUNTED = {"AddOrder", "CancelOrder"}
_DOUBLE = {"TradesHistory", "QueryTrades", "Ledgers", "QueryLedgers"}
#: What ending an order costs that has rested for less than so many seconds.
_CANCEL_COSTS = ((5, 8), (10, 6), (15, 5), (45, 4), (90, 2), (300, 1))


class Limits:
    """The counters of every key."""

    def __init__(self, engine: KrakenEngine) -> None:
        self._engine = engine
        self.tiers: dict[str, str] = {}  #: by key; ``intermediate`` by default
        self.calls = {name: Decaying(each.calls, each.calls_decay) for name, each in TIERS.items()}
        self.orders = {
            name: Decaying(each.orders, each.orders_decay) for name, each in TIERS.items()
        }
        self._public = Decaying(6, 1)

    def refusal(self, call: Call, name: str) -> str:
        """The text that refuses a request, or nothing; counts the request."""
        if call.path.startswith("/0/public/"):
            pair = call.params.get("pair", "") if name == "OHLC" else ""
            is_free = self._public.takes((call.address, pair))
            return "" if is_free else "EGeneral:Too many requests"
        account = self._engine.account_of(call.facts.key)
        if account is None:
            return ""
        tier = self.tiers.get(account.key, "intermediate")
        if name == "AddOrder":
            return self._add(account, tier, str(call.params.get("pair", "")))
        if name == "CancelOrder":
            return self._cancel(account, tier, call)
        if name in _UNCOUNTED:
            return ""
        cost = 2 if name in _DOUBLE else 1
        return "" if self.calls[tier].takes(account.key, cost) else "EAPI:Rate limit exceeded"

    def _add(self, account: Account, tier: str, pair: str) -> str:
        """One for every order, also for one that is refused."""
        market = next((each for each in self._engine.spot_markets()
                       if pair in (each.id, each.name)), None)  # fmt: skip
        if market is None:
            return ""
        if not self._counted(account, tier, market.id, 1):
            return "EOrder:Rate limit exceeded"
        resting = sum(order.ask.symbol == market.id for order in account.open.values())
        return "EOrder:Orders limit exceeded" if resting >= TIERS[tier].most_open else ""

    def _counted(self, account: Account, tier: str, symbol: str, cost: float) -> bool:
        """A counter above its threshold refuses whatever comes, also a cancel."""
        counter, place = self.orders[tier], (account.key, symbol)
        if counter.value(place) >= counter.most:
            return False
        counter.add(place, cost)
        return True

    def _cancel(self, account: Account, tier: str, call: Call) -> str:
        """The younger an order is, the more its end costs."""
        order = self._meant(account, call)
        if order is None:
            return ""
        rested_s = (self._engine.now_ms() - order.updated_ms) / 1000
        cost = next((cost for below_s, cost in _CANCEL_COSTS if rested_s < below_s), 0)
        is_free = self._counted(account, tier, order.ask.symbol, cost)
        return "" if is_free else "EOrder:Rate limit exceeded"

    def _meant(self, account: Account, call: Call) -> Order | None:
        number = to_number(call.params.get("txid", ""))
        if number is not None:
            return account.open.get(number)
        named = account.by_client_id.get((False, call.params.get("cl_ord_id", "")), [])
        return next((order for order in named if order.is_open), None)
