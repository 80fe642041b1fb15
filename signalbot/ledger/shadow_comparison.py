"""Compares a live account with its shadow on the same signals."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from signalbot.domain.executions import slippage_bps
from signalbot.domain.money import ZERO, average, text
from signalbot.domain.positions import Position
from signalbot.domain.signals import Action, SignalId
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import UserId, shadow_of
from signalbot.ledger.signal_outcomes import SignalOutcome, read_signal_outcomes, read_signals
from signalbot.ledger.views import FOREVER, Connection

_PRECISION: Final = Decimal("1e-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowDifference:
    """The difference on one signal. Money is in quote units.

    Accounts differ in size, so the shadow's money is scaled to the live quantity.
    """

    signal_id: SignalId
    at_ms: Ms  #: of the signal
    strategy: str
    symbol: str
    action: Action
    live: SignalOutcome | None  #: None: no decision
    paper: SignalOutcome | None

    @property
    def is_traded_by_both(self) -> bool:
        return self._live_position is not None and self._paper_position is not None

    @property
    def has_position(self) -> bool:
        """Whether at least one of the two opened a position."""
        return self._live_position is not None or self._paper_position is not None

    @property
    def is_same_result(self) -> bool:
        return _result_code(self.live) == _result_code(self.paper)

    @property
    def entry_bps(self) -> Decimal | None:
        """Basis points by which the live entry is worse than the paper entry."""
        if self._live_position is None or self._paper_position is None:
            return None
        return slippage_bps(
            action=self.action,
            requested=self._paper_position.entry_price,
            filled=self._live_position.entry_price,
        )

    @property
    def live_net(self) -> Decimal | None:
        return None if self.live is None else self.live.net_pnl

    @property
    def paper_net(self) -> Decimal | None:
        """Scaled to the live quantity, if there is one."""
        net = None if self.paper is None else self.paper.net_pnl
        return None if net is None else _scaled(net, self._scale)

    @property
    def net_difference(self) -> Decimal | None:
        """Live minus paper, once both are closed."""
        live, paper = self.live_net, self.paper_net
        return None if live is None or paper is None else live - paper

    @property
    def live_fees(self) -> Decimal | None:
        return None if self._live_position is None else self._live_position.fees

    @property
    def paper_fees(self) -> Decimal | None:
        """Scaled to the live quantity, if there is one."""
        return (
            None
            if self._paper_position is None
            else _scaled(self._paper_position.fees, self._scale)
        )

    @property
    def _live_position(self) -> Position | None:
        return None if self.live is None else self.live.position

    @property
    def _paper_position(self) -> Position | None:
        return None if self.paper is None else self.paper.position

    @property
    def _scale(self) -> Decimal:
        if (
            self._live_position is None
            or self._paper_position is None
            or not self._paper_position.entry_quantity
        ):
            return Decimal(1)
        return self._live_position.entry_quantity / self._paper_position.entry_quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowTotals:
    """The sums of all differences; money as in ``ShadowDifference``."""

    signals: int
    both: int  #: trades of both
    only_live: int
    only_paper: int
    live_net: Decimal  #: closed trades of both
    paper_net: Decimal
    live_fees: Decimal
    paper_fees: Decimal
    only_live_net: Decimal  #: of closed trades without a shadow trade
    only_paper_net: Decimal  #: of closed shadow trades without a live trade, at the shadow's size
    average_entry_bps: Decimal | None
    average_live_latency_ms: int | None
    average_paper_latency_ms: int | None


def read_differences(
    connection: Connection, user_id: UserId, *, since_ms: Ms
) -> list[ShadowDifference]:
    """All signals that one of the two decided on since the shadow began, in order of time.

    Paper trades of the account itself, from before it was live, are left out.

    Raises:
        LedgerError: a required archive cannot be read.
    """
    paper = read_signal_outcomes(connection, shadow_of(user_id), since_ms=since_ms)
    if not paper:
        return []
    begin_ms = min(outcome.decided_at_ms for outcome in paper.values())
    first_ms = min(outcome.created_at_ms for outcome in paper.values())
    live = {
        signal_id: outcome
        for signal_id, outcome in read_signal_outcomes(
            connection, user_id, since_ms=since_ms
        ).items()
        if outcome.mode in (None, "live")
    }
    signals = read_signals(connection, since_ms=first_ms, until_ms=Ms(FOREVER - 1))
    differences = (
        ShadowDifference(
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
    return sorted(differences, key=lambda difference: (difference.at_ms, difference.signal_id))


def total_differences(differences: Sequence[ShadowDifference]) -> ShadowTotals:
    both = [difference for difference in differences if difference.is_traded_by_both]
    closed = [difference for difference in both if difference.net_difference is not None]
    live = [
        difference
        for difference in differences
        if difference.live_fees is not None and not difference.is_traded_by_both
    ]
    paper = [
        difference
        for difference in differences
        if difference.paper_fees is not None and not difference.is_traded_by_both
    ]
    return ShadowTotals(
        signals=len(differences),
        both=len(both),
        only_live=len(live),
        only_paper=len(paper),
        live_net=_sum(difference.live_net for difference in closed),
        paper_net=_sum(difference.paper_net for difference in closed),
        live_fees=_sum(difference.live_fees for difference in closed),
        paper_fees=_sum(difference.paper_fees for difference in closed),
        only_live_net=_sum(difference.live_net for difference in live),
        only_paper_net=_sum(difference.paper_net for difference in paper),
        average_entry_bps=_average([difference.entry_bps for difference in both]),
        average_live_latency_ms=_latency(difference.live for difference in both),
        average_paper_latency_ms=_latency(difference.paper for difference in both),
    )


def difference_row(difference: ShadowDifference) -> dict[str, Any]:
    """A difference as plain values."""
    return {
        "signal_id": difference.signal_id,
        "created_at_ms": difference.at_ms,
        "strategy": difference.strategy,
        "symbol": difference.symbol,
        "action": difference.action.value,
        "live": _result_code(difference.live),
        "paper": _result_code(difference.paper),
        "live_entry_price": _entry(difference.live),
        "paper_entry_price": _entry(difference.paper),
        "entry_gap_bps": _text(difference.entry_bps),
        "live_net_pnl": _text(difference.live_net),
        "paper_net_pnl": _text(difference.paper_net),
        "net_gap": _text(difference.net_difference),
        "live_fees": _text(difference.live_fees),
        "paper_fees": _text(difference.paper_fees),
        "live_latency_ms": difference.live.latency_ms if difference.live else None,
        "paper_latency_ms": difference.paper.latency_ms if difference.paper else None,
    }


def totals_row(totals: ShadowTotals) -> dict[str, Any]:
    """The totals as plain values."""
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
    return amount if scale == 1 else (amount * scale).quantize(_PRECISION)


def _sum(amounts: Iterable[Decimal | None]) -> Decimal:
    return sum((each for each in amounts if each is not None), ZERO)


def _average(values: Iterable[Decimal | None]) -> Decimal | None:
    values_present = [each for each in values if each is not None]
    return (
        round(average(sum(values_present, ZERO), Decimal(len(values_present))), 2)
        if values_present
        else None
    )


def _latency(outcomes: Iterable[SignalOutcome | None]) -> int | None:
    values_present = [each.latency_ms for each in outcomes if each and each.latency_ms is not None]
    return round(sum(values_present) / len(values_present)) if values_present else None


def _result_code(outcome: SignalOutcome | None) -> str | None:
    return None if outcome is None else outcome.result_code


def _entry(outcome: SignalOutcome | None) -> str | None:
    position = None if outcome is None else outcome.position
    return None if position is None else text(position.entry_price)


def _text(value: Decimal | None) -> str | None:
    return None if value is None else text(value)
