"""Which of an exchange's orders are ours: by our id, by theirs, or by what they say."""

from collections.abc import Callable, Collection
from typing import TypeVar

from signalbot.domain.market import Instrument
from signalbot.domain.orders import ClientOrderId, OrderReport, OrderRequest
from signalbot.exchange.live.adapters.base import ExchangeAdapter
from signalbot.exchange.live.adapters.types import FoundOrder

_MAX_ENDED = 100  # of one account that have ended: the ledger knows the others

T = TypeVar("T")

AdapterOf = Callable[[str], ExchangeAdapter]
"""The dialect in which orders of a symbol are spoken of."""


class OrderIndex:
    def __init__(self, adapter_of: AdapterOf) -> None:
        self._adapter_of = adapter_of
        self._by_wire_id: dict[str, OrderRequest] = {}
        self._by_exchange_id: dict[str, ClientOrderId] = {}
        self._exchange_ids: dict[ClientOrderId, str] = {}
        self.watched: dict[ClientOrderId, OrderRequest] = {}  #: orders to keep an eye on

    def add(self, request: OrderRequest, *, exchange_order_id: str | None = None) -> None:
        """Know the order when it is shown; of very many, old ones that ended are forgotten."""
        self._by_wire_id[self._wire_id(request)] = request
        if exchange_order_id is not None:
            self._link_ids(request.client_order_id, exchange_order_id)
        _evict_one(self._by_wire_id, lambda each: each.client_order_id in self.watched)

    def update(self, request: OrderRequest, report: OrderReport) -> None:
        """Take in what the exchange says of an order."""
        if report.exchange_order_id is not None:
            self._link_ids(request.client_order_id, report.exchange_order_id)
        if report.status.is_final:
            self.watched.pop(request.client_order_id, None)
        else:
            self.watched[request.client_order_id] = request

    def exchange_id_of(self, request: OrderRequest) -> str | None:
        """The exchange's id of an order of ours, as it was last shown."""
        return self._exchange_ids.get(request.client_order_id)

    def client_id_of(self, exchange_order_id: str) -> ClientOrderId | None:
        """Our id of an order that has theirs."""
        return self._by_exchange_id.get(exchange_order_id)

    def contains(self, wire_id: str | None, exchange_order_id: str | None) -> bool:
        """Whether an order is one of ours, by either id."""
        return wire_id in self._by_wire_id or exchange_order_id in self._by_exchange_id

    def match(
        self, found: FoundOrder, instrument: Instrument, *, listed_ids: Collection[str | None]
    ) -> OrderRequest | None:
        """The order of ours that a listed one is; ``named`` are the ids of the whole list.

        One without an id is ours if it says what ours would, and ours is not listed by its id.
        """
        request = self._by_wire_id.get(found.wire_id or "")
        known = self.client_id_of(str(found.raw.get("id")))
        if request is None and known is not None:
            request = self.watched.get(known)
        if request is None and found.wire_id is None:
            request = self._match_without_id(found, instrument, listed_ids)
        return request

    def _link_ids(self, client_order_id: ClientOrderId, exchange_order_id: str) -> None:
        self._by_exchange_id[exchange_order_id] = client_order_id
        self._exchange_ids[client_order_id] = exchange_order_id
        _evict_one(self._by_exchange_id, self.watched.__contains__)
        _evict_one_id(self._exchange_ids, self.watched)

    def _match_without_id(
        self, found: FoundOrder, instrument: Instrument, listed_ids: Collection[str | None]
    ) -> OrderRequest | None:
        adapter = self._adapter_of(instrument.symbol)
        return next(
            (
                request
                for request in self.watched.values()
                if request.symbol == instrument.symbol
                and self._wire_id(request) not in listed_ids
                and adapter.matches_without_id(found.raw, request, instrument)
            ),
            None,
        )

    def _wire_id(self, request: OrderRequest) -> str:
        return self._adapter_of(request.symbol).wire_id(request.client_order_id)


def _evict_one(known: dict[str, T], is_live: Callable[[T], bool]) -> None:
    """Forget the oldest that is not live any more, if there are too many."""
    if len(known) > _MAX_ENDED:
        ended = next((key for key, each in known.items() if not is_live(each)), None)
        if ended is not None:
            del known[ended]


def _evict_one_id(known: dict[ClientOrderId, str], live: Collection[ClientOrderId]) -> None:
    if len(known) > _MAX_ENDED:
        ended = next((key for key in known if key not in live), None)
        if ended is not None:
            del known[ended]
