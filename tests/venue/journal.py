"""What the exchange has really done, append-only: what tests check the daemon's promises on."""

import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from tests.venue.model import ZERO, Account, Kind, Order, Origin, Position, Side, Trade


class Deed(StrEnum):
    ACCEPTED = "accepted"
    TRIGGERED = "triggered"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    AMENDED = "amended"
    REJECTED = "rejected"  #: refused when it triggered


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One deed; ``quantity`` and ``price`` are the order's, or the fill's."""

    deed: Deed
    at_ms: int
    key: str
    client_id: str
    order_id: int
    symbol: str
    side: Side
    kind: Kind
    quantity: Decimal
    price: Decimal | None
    reduces: bool
    origin: Origin
    trade_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """A stretch in which a position was larger than the stops behind it."""

    key: str
    symbol: str
    from_s: float  #: monotonic clock
    until_s: float

    @property
    def seconds(self) -> float:
        return self.until_s - self.from_s


class Journal:
    """Every accepted order, fill and cancel, and every stretch without protection."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self._past: list[Exposure] = []
        self._since_s: dict[tuple[str, str], float] = {}

    def note(self, deed: Deed, order: Order, *, at_ms: int, trade: Trade | None = None) -> None:
        """Write one deed down."""
        ask = order.ask
        self.lines.append(
            Line(
                deed=deed, at_ms=at_ms, key=order.key, client_id=ask.client_id,
                order_id=order.id, symbol=ask.symbol, side=ask.side, kind=ask.kind,
                quantity=ask.quantity if trade is None else trade.quantity,
                price=ask.price if trade is None else trade.price,
                reduces=ask.reduces, origin=ask.origin,
                trade_id=None if trade is None else trade.id,
            )
        )  # fmt: skip

    def of(self, key: str, deed: Deed | None = None) -> list[Line]:
        """The lines of one account, oldest first."""
        return [
            line for line in self.lines if line.key == key and (deed is None or line.deed is deed)
        ]

    def entered(self, key: str) -> dict[str, Decimal]:
        """The quantity every client id has *asked* for in entries accepted through the API.

        An id that was accepted twice counts twice.
        """
        return self._by_client(self.of(key, Deed.ACCEPTED))

    def entry_fills(self, key: str) -> dict[str, Decimal]:
        """The quantity every client id has entered with."""
        return self._by_client(self.of(key, Deed.FILLED))

    def entries_accepted(self, key: str) -> dict[str, int]:
        """How often every client id was accepted as an entry: more than once is a double entry."""
        times: dict[str, int] = defaultdict(int)
        for line in self.of(key, Deed.ACCEPTED):
            if line.origin is Origin.API and not line.reduces:
                times[line.client_id] += 1
        return dict(times)

    def trade_ids(self, key: str) -> set[int]:
        """Every fill of an account."""
        return {line.trade_id for line in self.of(key, Deed.FILLED) if line.trade_id is not None}

    # --- protection -----------------------------------------------------------------------

    def look(self, account: Account, symbol: str) -> None:
        """Note whether a position is behind live stops of its size, and since when not."""
        now_s = time.monotonic()
        for place, position in _places(account, symbol):
            self._mark(account, place, position, now_s)

    def _mark(
        self, account: Account, place: tuple[str, str], position: Position, now_s: float
    ) -> None:
        lacking = abs(position.quantity) - covered(account, position)
        if position.quantity and lacking > 0 and lacking >= position.dust:
            self._since_s.setdefault(place, now_s)
        elif place in self._since_s:
            self._past.append(
                Exposure(
                    key=account.key, symbol=place[1], from_s=self._since_s.pop(place),
                    until_s=now_s,
                )
            )  # fmt: skip

    def exposures(self, key: str) -> list[Exposure]:
        """Every stretch without full protection, the present one until now."""
        now_s = time.monotonic()
        present = [
            Exposure(key=who, symbol=symbol, from_s=since_s, until_s=now_s)
            for (who, symbol), since_s in self._since_s.items()
        ]
        return [each for each in (*self._past, *present) if each.key == key]

    def is_exposed(self, key: str) -> bool:
        """Whether a position of this account is not covered by stops now."""
        return any(who == key for who, _ in self._since_s)

    def unprotected_s(self, key: str) -> float:
        """The longest time a position of this account was not covered by stops, until now."""
        return max((each.seconds for each in self.exposures(key)), default=0.0)

    def _by_client(self, lines: Iterable[Line]) -> dict[str, Decimal]:
        totals: dict[str, Decimal] = defaultdict(lambda: ZERO)
        for line in lines:
            if line.origin is Origin.API and not line.reduces:
                totals[line.client_id] += line.quantity
        return dict(totals)


def guarded(account: Account, symbol: str) -> Decimal:
    """How much of a net position live stops would close."""
    return covered(account, account.position(symbol))


def covered(account: Account, position: Position) -> Decimal:
    """How much of one position, or of what a spot pair has bought, live stops would close."""
    total, is_spot = ZERO, position is account.holdings.get(position.symbol)
    for order in account.open.values():
        ask = order.ask
        if (
            ask.symbol == position.symbol
            and ask.kind is Kind.STOP
            and ask.side is position.closing
            and ask.reduces
            and ask.position_side is position.side
            and ask.is_spot is is_spot
        ):
            total += abs(position.quantity) if ask.close_position else order.remaining
    return total


def _places(account: Account, symbol: str) -> list[tuple[tuple[str, str], Position]]:
    """Everything of a symbol that may want a stop, by account and symbol."""
    places = (symbol, f"{symbol}/long", f"{symbol}/short")
    found = [((account.key, place), account.positions[place]) for place in places
             if place in account.positions]  # fmt: skip
    if symbol in account.holdings:
        found.append(((account.key, symbol), account.holdings[symbol]))
    return found
