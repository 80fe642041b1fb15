"""Which orders of an exchange are ours: by either id, or by their other fields."""

from collections.abc import Callable, Collection
from typing import TypeVar

from signalbot.domain.market import Instrument
from signalbot.domain.orders import ClientOrderId, OrderReport, OrderRequest
from signalbot.exchange.live.adapters.base import ExchangeAdapter
from signalbot.exchange.live.adapters.types import FoundOrder

_MAX_ENDED = 100  # ended orders of one account: the ledger holds the others

T = TypeVar("T")

AdapterOf = Callable[[str], ExchangeAdapter]
"""The adapter of a symbol's market."""


class OrderIndex:
    """One account's orders by client order id and by the exchange's id."""

    def __init__(self, adapter_of: AdapterOf) -> None:
        self._adapter_of = adapter_of
        self._by_wire_id: dict[str, OrderRequest] = {}
        self._by_exchange_id: dict[str, ClientOrderId] = {}
        self._exchange_ids: dict[ClientOrderId, str] = {}
        self.watched: dict[ClientOrderId, OrderRequest] = {}  #: orders that should be resting

    @property
    def watched_symbols(self) -> list[str]:
        return [request.symbol for request in self.watched.values()]

    def add(self, request: OrderRequest, *, exchange_order_id: str | None = None) -> None:
        """Recognize the order from now on; of many, the oldest that ended are forgotten."""
        self._by_wire_id[self._wire_id(request)] = request
        if exchange_order_id is not None:
            self._link_ids(request.client_order_id, exchange_order_id)
        _evict_one(self._by_wire_id, lambda each: each.client_order_id in self.watched)

    def update(self, request: OrderRequest, report: OrderReport) -> None:
        """Record what the exchange reports of an order."""
        if report.exchange_order_id is not None:
            self._link_ids(request.client_order_id, report.exchange_order_id)
        if report.status.is_final:
            self.watched.pop(request.client_order_id, None)
        else:
            self.watched[request.client_order_id] = request

    def exchange_id_of(self, request: OrderRequest) -> str | None:
        """The exchange's id of one of our orders, as last reported."""
        return self._exchange_ids.get(request.client_order_id)

    def client_id_of(self, exchange_order_id: str) -> ClientOrderId | None:
        """The client order id of an order with the exchange's id."""
        return self._by_exchange_id.get(exchange_order_id)

    def contains(self, wire_id: str | None, exchange_order_id: str | None) -> bool:
        """Whether an order is one of ours, by either id."""
        return wire_id in self._by_wire_id or exchange_order_id in self._by_exchange_id

    def match(
        self, found: FoundOrder, instrument: Instrument, *, listed_ids: Collection[str | None]
    ) -> OrderRequest | None:
        """Our order that a listed one is; ``listed_ids`` are the ids of the whole list.

        One without an id is ours if its fields are those of ours, and ours is not listed by id.
        """
        request = self._by_wire_id.get(found.wire_id or "")
        client_order_id = self.client_id_of(str(found.raw.get("id")))
        if request is None and client_order_id is not None:
            return self.watched.get(client_order_id)
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


def _evict_one(entries: dict[str, T], is_live: Callable[[T], bool]) -> None:
    """Remove the oldest entry that is not live any more, if there are too many."""
    if len(entries) > _MAX_ENDED:
        ended = next((key for key, each in entries.items() if not is_live(each)), None)
        if ended is not None:
            del entries[ended]


def _evict_one_id(ids: dict[ClientOrderId, str], live: Collection[ClientOrderId]) -> None:
    if len(ids) > _MAX_ENDED:
        ended = next((key for key in ids if key not in live), None)
        if ended is not None:
            del ids[ended]
