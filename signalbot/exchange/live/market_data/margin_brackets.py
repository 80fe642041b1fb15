"""Maintenance margins by position size, read in the background and kept in the ledger.

Nothing waits for them: until they are read, a market has the usual margin of its highest leverage.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import Final

import structlog

from signalbot.domain.errors import SignalbotError, Unavailable
from signalbot.domain.market import BracketUnit, Instrument, MarginBracket, MarketKind
from signalbot.domain.money import ONE, ZERO
from signalbot.domain.timeframe import DAY_MS, Ms
from signalbot.exchange.live.capabilities import LeverageTierRequest
from signalbot.exchange.live.parsing import CcxtDict, parse_decimal
from signalbot.exchange.live.transport.exchange_api import ExchangeApi, RequestPriority
from signalbot.ledger.market_rules import MarginBracketStore, StoredBrackets
from signalbot.ports import Clock

log = structlog.get_logger()

FIRST_REFRESH_S: Final = 15.0
"""After a start, once accounts have been reconciled."""

REFRESH_INTERVAL_S: Final = 600.0
_MAX_AGE_MS: Final = DAY_MS


class MarginBracketCache:
    """Margin brackets of one exchange, read once a day for the markets in use."""

    def __init__(
        self,
        tiers: LeverageTierRequest | None,
        *,
        margins: MarginBracketStore,
        api: Callable[[bool], ExchangeApi | None],
        clock: Clock,
        on_updated: Callable[[], None],
    ) -> None:
        """``api(is_private)`` returns an executor, a private one on demand; None without one."""
        self._tiers = tiers
        self._margins = margins
        self._api = api
        self._clock = clock
        self._on_updated = on_updated
        self._brackets: dict[str, StoredBrackets] = {}

    async def load(self) -> None:
        """Load the brackets of a former process."""
        self._brackets = await self._margins.load()

    def with_brackets(self, instrument: Instrument) -> Instrument:
        """The instrument with its brackets, if they are known."""
        cached = self._brackets.get(instrument.symbol)
        if cached is None:
            return instrument
        return replace(instrument, brackets=cached.brackets, bracket_unit=cached.unit)

    async def refresh_forever(self, instruments: Callable[[], Collection[Instrument]]) -> None:
        """Refresh brackets every ten minutes until cancelled."""
        await self._clock.sleep(FIRST_REFRESH_S)
        while True:
            await self.refresh_due(instruments())
            await self._clock.sleep(REFRESH_INTERVAL_S)

    async def refresh_due(self, instruments: Collection[Instrument]) -> None:
        """Read brackets that are missing or a day old; failures are retried next time."""
        due = [each for each in instruments if self._is_due(each)]
        if self._tiers is not None and due:
            await self._fetch(self._tiers, due)

    def _is_due(self, instrument: Instrument) -> bool:
        cached = self._brackets.get(instrument.symbol)
        is_old = cached is None or self._clock.now_ms() - cached.fetched_at_ms >= _MAX_AGE_MS
        return instrument.kind is MarketKind.SWAP and is_old

    async def _fetch(self, tiers: LeverageTierRequest, due: Sequence[Instrument]) -> None:
        api = self._api(tiers.is_private)
        if api is None:
            return
        try:
            tiers_by_symbol = await _fetch_tiers(api, tiers, due)
        except SignalbotError as e:
            log.debug("brackets.fetch_failed", cause=str(e))
            return
        fetched = {}
        for instrument in due:
            brackets = parse_brackets(tiers_by_symbol.get(instrument.symbol), tiers, instrument)
            if brackets:
                fetched[instrument.symbol] = StoredBrackets(
                    unit=tiers.unit, brackets=brackets, fetched_at_ms=Ms(self._clock.now_ms())
                )
        self._margins.save_later(fetched)
        self._brackets |= fetched
        self._on_updated()


async def _fetch_tiers(
    api: ExchangeApi, tiers: LeverageTierRequest, due: Sequence[Instrument]
) -> Mapping[str, object]:
    """ccxt's tiers by symbol.

    Raises:
        Unavailable: they cannot be read.
    """
    params = dict(tiers.params or {})
    if tiers.is_per_market:
        return {
            each.symbol: await api.read(
                tiers.method, each.symbol, params, priority=RequestPriority.POLL, cost=tiers.cost
            )
            for each in due
        }
    symbols = [each.symbol for each in due]
    tiers_by_symbol = await api.read(
        tiers.method, symbols, params, priority=RequestPriority.POLL, cost=tiers.cost
    )
    if not isinstance(tiers_by_symbol, Mapping):
        raise Unavailable("no leverage tiers in the response")
    return tiers_by_symbol


def parse_brackets(
    tiers_by_symbol: object, tiers: LeverageTierRequest, instrument: Instrument
) -> tuple[MarginBracket, ...]:  # fmt: skip
    """ccxt's tiers of one market as brackets, smallest first; none if they cannot be true."""
    if not isinstance(tiers_by_symbol, Sequence) or isinstance(tiers_by_symbol, str):
        return ()
    is_contracts = tiers.unit is BracketUnit.QUANTITY
    size = instrument.contract_size if is_contracts else ONE
    found = [
        _parse_bracket(each, tiers, size) for each in tiers_by_symbol if isinstance(each, Mapping)
    ]
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


def _parse_bracket(
    raw: CcxtDict, tiers: LeverageTierRequest, size: Decimal
) -> MarginBracket | None:
    least, rate = (
        parse_decimal(raw.get("minNotional")),
        parse_decimal(raw.get("maintenanceMarginRate")),
    )
    if least is None or rate is None or not 0 < rate < 1:
        return None
    info = raw.get("info")
    own = info if isinstance(info, Mapping) else {}
    deduction = parse_decimal(own.get(tiers.deduction)) if tiers.deduction else None
    leverage = parse_decimal(raw.get("maxLeverage")) if tiers.by_leverage else None
    return MarginBracket(
        least=(least * size).normalize(),
        rate=rate,
        deduction=deduction or ZERO,
        leverage=None if leverage is None else int(leverage),
    )
