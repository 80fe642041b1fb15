"""Response to an alert."""

from decimal import Decimal
from typing import Self

from pydantic import Field

from signalbot.api.models.fields import Money
from signalbot.api.models.requests import Body
from signalbot.control.webhook_receiver import AlertResult, AlertSignalResult
from signalbot.domain.money import text, trimmed


class AlertSignal(Body):
    signal_id: str = Field(examples=["sig_1cb28400431dbdbd"])
    is_new: bool = Field(description="False: a duplicate, without effect.")
    symbol: str = Field(examples=["BTC/USDT:USDT"])
    action: str = Field(examples=["LONG"])
    exit_percent: Money = Field(description="Percent of the position that an exit closes.")
    price: Money | None
    stop_loss: Money | None
    take_profits: list[Money]
    take_profit_shares: list[Money] = Field(
        description="Percent of the position to close at each; empty: the user's setting."
    )
    trailing_percent: Money | None = Field(description="Distance of a trailing stop, in percent.")

    @classmethod
    def of(cls, result: AlertSignalResult) -> Self:
        signal = result.signal
        return cls(
            signal_id=signal.signal_id,
            is_new=result.is_new,
            symbol=signal.symbol,
            action=signal.action,
            exit_percent=text(signal.exit_percent),
            price=_decimal_text(signal.price),
            stop_loss=_decimal_text(signal.stop_loss),
            take_profits=[text(trimmed(each)) for each in signal.take_profits],
            take_profit_shares=[text(each) for each in signal.take_profit_shares],
            trailing_percent=_decimal_text(signal.trailing_percent),
        )


def _decimal_text(value: Decimal | None) -> str | None:
    return None if value is None else text(trimmed(value))


class AlertResponse(Body):
    """Effects of an alert, durable when this is returned; or those of a dry run."""

    signals: list[AlertSignal] = Field(description="Empty for an alert without action.")
    withdrawn: list[AlertSignal] = Field(description="Open entries withdrawn by the alert.")
    ignored: list[str] = Field(description="Ignored fields.", examples=[["interval", "chart_url"]])
    refused: str | None = Field(
        description="Reason for rejecting the entry of an alert whose exit was executed."
    )
    dry_run: bool = Field(description="True: nothing was stored or executed.")

    @classmethod
    def of(cls, result: AlertResult) -> Self:
        return cls(
            signals=[AlertSignal.of(each) for each in result.sent],
            withdrawn=[AlertSignal.of(each) for each in result.withdrawn],
            ignored=list(result.ignored),
            refused=result.refused,
            dry_run=result.is_dry_run,
        )
