"""A live account against its shadow: what each made of the same signals, and the gap between."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from signalbot.domain.money import ZERO, average, text
from signalbot.domain.positions import Position
from signalbot.domain.signals import Action, SignalId, slippage_bps
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import UserId, shadow_of
from signalbot.ledger.fates import Fate, read_fates, read_signals
from signalbot.ledger.views import FOREVER, Connection

_FINEST: Final = Decimal("1e-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """One signal for both. Money is in quote units; the shadow's is for the live quantity.

    Accounts differ in size, so what the shadow kept and paid is scaled by the quantities entered.
    """

    signal_id: SignalId
    at_ms: Ms  #: when it was made
    strategy: str
    symbol: str
    action: Action
    live: Fate | None  #: None: never decided
    paper: Fate | None

    @property
    def is_traded_by_both(self) -> bool:
        return self._live is not None and self._paper is not None

    @property
    def is_entered(self) -> bool:
        """Whether at least one of the two opened a position."""
        return self._live is not None or self._paper is not None

    @property
    def is_alike(self) -> bool:
        return _word(self.live) == _word(self.paper)

    @property
    def entry_bps(self) -> Decimal | None:
        """Basis points by which the live entry was worse than the paper one."""
        if self._live is None or self._paper is None:
            return None
        return slippage_bps(
            action=self.action, asked=self._paper.entry_price, got=self._live.entry_price
        )

    @property
    def live_net(self) -> Decimal | None:
        return None if self.live is None else self.live.net_pnl

    @property
    def paper_net(self) -> Decimal | None:
        """For the live quantity, where there is one."""
        net = None if self.paper is None else self.paper.net_pnl
        return None if net is None else _scaled(net, self._scale)

    @property
    def net_gap(self) -> Decimal | None:
        """Live less paper, once both are closed."""
        live, paper = self.live_net, self.paper_net
        return None if live is None or paper is None else live - paper

    @property
    def live_fees(self) -> Decimal | None:
        return None if self._live is None else self._live.fees

    @property
    def paper_fees(self) -> Decimal | None:
        """For the live quantity, where there is one."""
        return None if self._paper is None else _scaled(self._paper.fees, self._scale)

    @property
    def _live(self) -> Position | None:
        return None if self.live is None else self.live.position

    @property
    def _paper(self) -> Position | None:
        return None if self.paper is None else self.paper.position

    @property
    def _scale(self) -> Decimal:
        if self._live is None or self._paper is None or not self._paper.entry_quantity:
            return Decimal(1)
        return self._live.entry_quantity / self._paper.entry_quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """All gaps together; money as in ``Gap``."""

    signals: int
    both: int  #: trades that both made
    only_live: int
    only_paper: int
    live_net: Decimal  #: of trades that both made and have closed
    paper_net: Decimal
    live_fees: Decimal
    paper_fees: Decimal
    only_live_net: Decimal  #: of closed trades that the shadow did not make
    only_paper_net: Decimal  #: of closed trades that the account did not make, at the shadow's size
    average_entry_bps: Decimal | None
    average_live_latency_ms: int | None
    average_paper_latency_ms: int | None


def read_gaps(connection: Connection, user_id: UserId, *, since_ms: Ms) -> list[Gap]:
    """Every signal that one of the two decided on since the shadow began, in the order of time.

    What the account traded on paper itself, before it was live, is left out.

    Raises:
        LedgerError: an archive that is needed cannot be read.
    """
    paper = read_fates(connection, shadow_of(user_id), since_ms=since_ms)
    if not paper:
        return []
    begin_ms = min(fate.decided_at_ms for fate in paper.values())
    first_ms = min(fate.created_at_ms for fate in paper.values())
    live = {
        signal_id: fate
        for signal_id, fate in read_fates(connection, user_id, since_ms=since_ms).items()
        if fate.mode in (None, "live")
    }
    signals = read_signals(connection, since_ms=first_ms, until_ms=Ms(FOREVER - 1))
    gaps = (
        Gap(
            signal_id=each.signal_id,
            at_ms=each.created_at_ms,
            strategy=each.strategy,
            symbol=each.symbol,
            action=each.action,
            live=live.get(each.signal_id),
            paper=paper.get(each.signal_id),
        )
        for each in signals
        if each.signal_id in paper
        or (each.signal_id in live and live[each.signal_id].decided_at_ms >= begin_ms)
    )
    return sorted(gaps, key=lambda gap: (gap.at_ms, gap.signal_id))


def add_up(gaps: Sequence[Gap]) -> Totals:
    both = [gap for gap in gaps if gap.is_traded_by_both]
    closed = [gap for gap in both if gap.net_gap is not None]
    live = [gap for gap in gaps if gap.live_fees is not None and not gap.is_traded_by_both]
    paper = [gap for gap in gaps if gap.paper_fees is not None and not gap.is_traded_by_both]
    return Totals(
        signals=len(gaps),
        both=len(both),
        only_live=len(live),
        only_paper=len(paper),
        live_net=_sum(gap.live_net for gap in closed),
        paper_net=_sum(gap.paper_net for gap in closed),
        live_fees=_sum(gap.live_fees for gap in closed),
        paper_fees=_sum(gap.paper_fees for gap in closed),
        only_live_net=_sum(gap.live_net for gap in live),
        only_paper_net=_sum(gap.paper_net for gap in paper),
        average_entry_bps=_average([gap.entry_bps for gap in both]),
        average_live_latency_ms=_latency(gap.live for gap in both),
        average_paper_latency_ms=_latency(gap.paper for gap in both),
    )


def row_of(gap: Gap) -> dict[str, Any]:
    """A gap as plain values."""
    return {
        "signal_id": gap.signal_id,
        "created_at_ms": gap.at_ms,
        "strategy": gap.strategy,
        "symbol": gap.symbol,
        "action": gap.action.value,
        "live": _word(gap.live),
        "paper": _word(gap.paper),
        "live_entry_price": _entry(gap.live),
        "paper_entry_price": _entry(gap.paper),
        "entry_gap_bps": _text(gap.entry_bps),
        "live_net_pnl": _text(gap.live_net),
        "paper_net_pnl": _text(gap.paper_net),
        "net_gap": _text(gap.net_gap),
        "live_fees": _text(gap.live_fees),
        "paper_fees": _text(gap.paper_fees),
        "live_latency_ms": gap.live.latency_ms if gap.live else None,
        "paper_latency_ms": gap.paper.latency_ms if gap.paper else None,
    }


def totals_row(totals: Totals) -> dict[str, Any]:
    """Totals as plain values."""
    return {
        "signals": totals.signals,
        "traded_by_both": totals.both,
        "only_live": totals.only_live,
        "only_paper": totals.only_paper,
        "live_net_pnl": text(totals.live_net),
        "paper_net_pnl": text(totals.paper_net),
        "net_gap": text(totals.live_net - totals.paper_net),
        "live_fees": text(totals.live_fees),
        "paper_fees": text(totals.paper_fees),
        "only_live_net_pnl": text(totals.only_live_net),
        "only_paper_net_pnl": text(totals.only_paper_net),
        "average_entry_gap_bps": _text(totals.average_entry_bps),
        "average_live_latency_ms": totals.average_live_latency_ms,
        "average_paper_latency_ms": totals.average_paper_latency_ms,
    }


def _scaled(amount: Decimal, scale: Decimal) -> Decimal:
    return amount if scale == 1 else (amount * scale).quantize(_FINEST)


def _sum(amounts: Iterable[Decimal | None]) -> Decimal:
    return sum((each for each in amounts if each is not None), ZERO)


def _average(values: Iterable[Decimal | None]) -> Decimal | None:
    known = [each for each in values if each is not None]
    return round(average(sum(known, ZERO), Decimal(len(known))), 2) if known else None


def _latency(fates: Iterable[Fate | None]) -> int | None:
    known = [each.latency_ms for each in fates if each and each.latency_ms is not None]
    return round(sum(known) / len(known)) if known else None


def _word(fate: Fate | None) -> str | None:
    return None if fate is None else fate.word


def _entry(fate: Fate | None) -> str | None:
    position = None if fate is None else fate.position
    return None if position is None else text(position.entry_price)


def _text(value: Decimal | None) -> str | None:
    return None if value is None else text(value)
