"""Maintenance margins as each exchange tells them, asked for beside trading and remembered.

Nothing waits for them: until they are told, a market has the usual margin of its highest leverage.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

import structlog

from signalbot.domain.errors import SignalbotError, Unavailable
from signalbot.domain.market import BracketUnit, Instrument, MarginBracket, MarketKind
from signalbot.domain.money import ONE, ZERO
from signalbot.domain.timeframe import DAY_MS, Ms
from signalbot.exchange.live.dialects.base import Api
from signalbot.exchange.live.lanes import Lane
from signalbot.exchange.live.parse import Raw, number
from signalbot.ledger.margins import KnownBrackets, Margins
from signalbot.ports import Clock

log = structlog.get_logger()

FIRST_LOOK_S: Final = 15.0
"""After a start, once accounts have been brought in step."""

LOOK_EVERY_S: Final = 600.0
_LAST_MS: Final = DAY_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiers:
    """How ccxt is asked for the leverage tiers of one exchange, and what its numbers mean."""

    method: str  #: ``fetch_leverage_tiers`` for all, or ``fetch_market_leverage_tiers`` for one
    unit: BracketUnit  #: of ``minNotional``: contracts, whatever its name says, where QUANTITY
    deduction: str = ""  #: where the exchange's own answer has it; empty: the whole rate holds
    by_leverage: bool = False  #: a tier holds for its leverage alone
    params: Mapping[str, Any] | None = None
    cost: int = 1
    is_private: bool = False

    @property
    def is_of_one(self) -> bool:
        return self.method == "fetch_market_leverage_tiers"


TIERS: Final[Mapping[str, Tiers]] = {
    "binanceusdm": Tiers(
        method="fetch_leverage_tiers",
        unit=BracketUnit.NOTIONAL,
        deduction="cum",
        is_private=True,
        cost=2,
    ),
    "bybit": Tiers(
        method="fetch_market_leverage_tiers", unit=BracketUnit.NOTIONAL, deduction="mmDeduction"
    ),
    "okx": Tiers(
        method="fetch_market_leverage_tiers",
        unit=BracketUnit.QUANTITY,
        params={"marginMode": "isolated"},
    ),
    "bitget": Tiers(method="fetch_market_leverage_tiers", unit=BracketUnit.NOTIONAL),
    "htx": Tiers(method="fetch_leverage_tiers", unit=BracketUnit.QUANTITY, by_leverage=True),
    "mexc": Tiers(method="fetch_leverage_tiers", unit=BracketUnit.QUANTITY, cost=5),
    "krakenfutures": Tiers(method="fetch_leverage_tiers", unit=BracketUnit.NOTIONAL),
}
"""By ccxt id; an exchange that is not here tells none."""


class Brackets:
    """What is known of one exchange's brackets, from the ledger and from asking now and then."""

    def __init__(
        self,
        ccxt_id: str,
        *,
        margins: Margins,
        api: Callable[[bool], Api | None],
        clock: Clock,
        on_learned: Callable[[], None],
    ) -> None:
        """``api`` gives a line to the exchange, a private one if asked; None: there is none."""
        self._tiers = TIERS.get(ccxt_id)
        self._margins = margins
        self._api = api
        self._clock = clock
        self._on_learned = on_learned
        self._known: dict[str, KnownBrackets] = {}

    async def load(self) -> None:
        """Remember what was told before this start."""
        self._known = await self._margins.load()

    def complete(self, instrument: Instrument) -> Instrument:
        """The market with its brackets, if they are known."""
        known = self._known.get(instrument.symbol)
        if known is None:
            return instrument
        return replace(instrument, brackets=known.brackets, bracket_unit=known.unit)

    async def keep(self, instruments: Callable[[], Collection[Instrument]]) -> None:
        """Look at the markets in use now and then, until cancelled."""
        await self._clock.sleep(FIRST_LOOK_S)
        while True:
            await self.look(instruments())
            await self._clock.sleep(LOOK_EVERY_S)

    async def look(self, instruments: Collection[Instrument]) -> None:
        """Ask for those brackets that are a day old or not known; trouble is for the next time."""
        due = [each for each in instruments if self._is_due(each)]
        if self._tiers is not None and due:
            await self._learn(self._tiers, due)

    def _is_due(self, instrument: Instrument) -> bool:
        known = self._known.get(instrument.symbol)
        is_old = known is None or self._clock.now_ms() - known.told_at_ms >= _LAST_MS
        return instrument.kind is MarketKind.SWAP and is_old

    async def _learn(self, tiers: Tiers, due: Sequence[Instrument]) -> None:
        api = self._api(tiers.is_private)
        if api is None:
            return
        try:
            told = await _ask(api, tiers, due)
        except SignalbotError as e:
            log.debug("brackets.not_told", cause=str(e))
            return
        learned = {}
        for instrument in due:
            brackets = brackets_of(told.get(instrument.symbol), tiers, instrument)
            if brackets:
                learned[instrument.symbol] = KnownBrackets(
                    unit=tiers.unit, brackets=brackets, told_at_ms=Ms(self._clock.now_ms())
                )
        self._margins.save_later(learned)
        self._known |= learned
        self._on_learned()


async def _ask(api: Api, tiers: Tiers, due: Sequence[Instrument]) -> Mapping[str, object]:
    """ccxt's tiers by symbol.

    Raises:
        Unavailable: the exchange does not tell, or tells something else.
    """
    params = dict(tiers.params or {})
    if tiers.is_of_one:
        return {
            each.symbol: await api.read(
                tiers.method, each.symbol, params, lane=Lane.POLL, cost=tiers.cost
            )
            for each in due
        }
    symbols = [each.symbol for each in due]
    told = await api.read(tiers.method, symbols, params, lane=Lane.POLL, cost=tiers.cost)
    if not isinstance(told, Mapping):
        raise Unavailable("no leverage tiers in the answer")
    return told


def brackets_of(
    told: object, tiers: Tiers, instrument: Instrument
) -> tuple[MarginBracket, ...]:  # fmt: skip
    """ccxt's tiers of one market as brackets, smallest first; none if they cannot be true."""
    if not isinstance(told, Sequence) or isinstance(told, str):
        return ()
    is_contracts = tiers.unit is BracketUnit.QUANTITY
    size = instrument.contract_size if is_contracts else ONE
    found = [_bracket(each, tiers, size) for each in told if isinstance(each, Mapping)]
    if not found or any(each is None for each in found):
        return ()
    brackets = sorted(
        (each for each in found if each is not None),
        key=lambda each: (each.leverage or 0, each.least),
    )
    for before, after in pairwise(brackets):
        if before.leverage == after.leverage and not before.least < after.least:
            return ()
    return tuple(brackets) if brackets[0].least == 0 else ()


def _bracket(raw: Raw, tiers: Tiers, size: Decimal) -> MarginBracket | None:
    least, rate = number(raw.get("minNotional")), number(raw.get("maintenanceMarginRate"))
    if least is None or rate is None or not 0 < rate < 1:
        return None
    info = raw.get("info")
    own = info if isinstance(info, Mapping) else {}
    deduction = number(own.get(tiers.deduction)) if tiers.deduction else None
    leverage = number(raw.get("maxLeverage")) if tiers.by_leverage else None
    return MarginBracket(
        least=(least * size).normalize(),
        rate=rate,
        deduction=deduction or ZERO,
        leverage=None if leverage is None else int(leverage),
    )
