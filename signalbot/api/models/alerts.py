"""What an alert has led to."""

from decimal import Decimal
from typing import Self

from pydantic import Field

from signalbot.api.models.requests import Body
from signalbot.api.models.rows import Money
from signalbot.control.webhook_receiver import AlertResult, AlertSignalResult
from signalbot.domain.money import text, trimmed


class AlertSignal(Body):
    signal_id: str = Field(examples=["sig_1cb28400431dbdbd"])
    is_new: bool = Field(description="False: it had come before, and nothing happened now.")
    symbol: str = Field(examples=["BTC/USDT:USDT"])
    action: str = Field(examples=["LONG"])
    exit_percent: Money = Field(description="The part of the position that an exit closes.")
    price: Money | None
    stop_loss: Money | None
    take_profits: list[Money]
    take_profit_shares: list[Money] = Field(
        description="Percent of the position that leaves at each; empty: the user's own."
    )
    trailing_percent: Money | None = Field(description="The stop trails at this distance.")

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
    """What an alert has led to, in the ledger when this is answered; or would lead to."""

    signals: list[AlertSignal] = Field(description="Empty for an alert that asks for nothing.")
    withdrawn: list[AlertSignal] = Field(description="Open entries that the alert has withdrawn.")
    ignored: list[str] = Field(
        description="Fields that did not count.", examples=[["interval", "chart_url"]]
    )
    refused: str | None = Field(
        description="Why the entry of an alert was refused whose exit was carried out."
    )
    dry_run: bool = Field(description="True: nothing was stored and nothing happens.")

    @classmethod
    def of(cls, reception: AlertResult) -> Self:
        return cls(
            signals=[AlertSignal.of(each) for each in reception.sent],
            withdrawn=[AlertSignal.of(each) for each in reception.withdrawn],
            ignored=list(reception.ignored),
            refused=reception.refused,
            dry_run=reception.is_dry_run,
        )
