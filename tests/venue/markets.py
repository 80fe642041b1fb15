"""What is traded, and in what exchanges differ as far as the engine must know."""

from dataclasses import dataclass
from decimal import Decimal

from tests.venue.enums import ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Bracket:
    """One step of the maintenance margin: ``cap`` is the largest notional it is for."""

    cap: Decimal
    leverage: int  #: the most that is allowed up to ``cap``
    ratio: Decimal  #: maintenance margin per notional
    cum: Decimal = ZERO  #: what is taken off again, so that brackets join


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """The rules of one linear perpetual or spot pair; every quantity in base units."""

    id: str  #: unique on this exchange: BTCUSDT, BTC-USDT-SWAP
    base: str
    quote: str = "USDT"
    tick: Decimal = Decimal("0.10")
    lot: Decimal = Decimal("0.001")
    min_quantity: Decimal = Decimal("0.001")
    max_quantity: Decimal = Decimal(1000)
    max_market_quantity: Decimal = Decimal(120)
    min_notional: Decimal = Decimal(5)
    contract_size: Decimal = Decimal(1)
    max_leverage: int = 125
    is_spot: bool = False
    named: str = ""  #: as the exchange names it, where that is not unique (Bybit)
    #: The grid of what a spot market buy of a quote amount buys; ``lot`` when zero.
    quote_lot: Decimal = ZERO
    brackets: tuple[Bracket, ...] = (
        Bracket(cap=Decimal(300_000), leverage=125, ratio=Decimal("0.004")),
        Bracket(cap=Decimal(40_000_000), leverage=50, ratio=Decimal("0.01"), cum=Decimal(1_800)),
    )
    liquidation_fee: Decimal = Decimal("0.0125")  #: of the notional, to the insurance fund

    @property
    def symbol(self) -> str:
        """The unified symbol."""
        pair = f"{self.base}/{self.quote}"
        return pair if self.is_spot else f"{pair}:{self.quote}"

    @property
    def name(self) -> str:
        """What requests and answers call it."""
        return self.named or self.id

    def bracket(self, notional: Decimal) -> Bracket:
        """The bracket a position of this size is in."""
        return next((each for each in self.brackets if notional <= each.cap), self.brackets[-1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """In what exchanges differ, as far as the engine must know."""

    #: Client ids are unique among open orders only (Binance), or for good (Bybit, OKX).
    ids_unique_forever: bool = False
    #: Any number of orders may have the same client id (HTX).
    ids_may_repeat: bool = False
    #: A conditional order whose trigger is passed already triggers; otherwise it is refused.
    triggers_at_once: bool = False
    #: Conditional orders have client ids of their own.
    separate_conditional_ids: bool = True
    #: A triggered conditional order goes on as another order; otherwise under its own id.
    trigger_spawns: bool = True
    #: Attached stops belong to the position, whatever its size; otherwise to the filled quantity.
    attached_to_position: bool = False
    #: Attached stops come to life when their entry has filled completely; else with its first fill.
    attached_when_filled: bool = False
    taker_fee: Decimal = Decimal("0.0004")
    maker_fee: Decimal = Decimal("0.0002")
    spot_taker_fee: Decimal = Decimal("0.001")
    spot_maker_fee: Decimal = Decimal("0.001")
    default_leverage: int = 20
    #: What is left of a fee that is paid in the exchange's own coin.
    coin_fee_share: Decimal = Decimal("0.75")
