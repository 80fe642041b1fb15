"""``pnl``: profit and loss of closed positions."""

from typing import Annotated

import typer

from signalbot.cli.formatting import money, signed_money
from signalbot.cli.ledger_source import open_reader
from signalbot.cli.options import (
    ConfigOption,
    JsonOption,
    LedgerOption,
    SinceOption,
    StrategyOption,
    SymbolOption,
    UserOption,
)
from signalbot.cli.render import Column, print_list
from signalbot.domain.users import Mode
from signalbot.ledger.profit import GroupBy, profit

_EARNED = (
    Column("Mode", "mode"),
    Column("Currency", "currency", is_extra=True),
    Column("Trades", "trades", is_number=True),
    Column("Wins", "wins", is_number=True),
    Column("Win %", "win_rate_percent", is_number=True),
    Column("Gross", "gross_pnl", signed_money, is_number=True, is_extra=True),
    Column("Fees", "fees", money, is_number=True, is_extra=True),
    Column("Funding", "funding", signed_money, is_number=True, is_extra=True),
    Column("Net", "net_pnl", signed_money, is_number=True),
    Column("Best", "best", signed_money, is_number=True, is_extra=True),
    Column("Worst", "worst", signed_money, is_number=True, is_extra=True),
    Column("Open", "open_positions", is_number=True),
)


def pnl(
    *,
    by: Annotated[GroupBy, typer.Option(help="Group rows by.")] = GroupBy.USER,
    user: UserOption = None,
    strategy: StrategyOption = None,
    symbol: SymbolOption = None,
    mode: Annotated[Mode | None, typer.Option(help="Only live or only paper accounts.")] = None,
    since: SinceOption = None,
    shadow: Annotated[
        bool,
        typer.Option("--shadow", help="With --user: compare live account and shadow."),
    ] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    ledger: LedgerOption = None,
) -> None:
    """Sum the profit of closed positions, by user or otherwise.

    Net is after fees and funding; a win is a position with a net above zero. An open position
    counts when it closes. Paper and live, and different currencies, are never added up.

    With --shadow it compares the live account with the paper account that ``account.shadow = true``
    runs beside it: entry prices, fees, result and latency. Profit and fees of the paper account are
    scaled to the quantity traded live.
    """
    if shadow:
        from signalbot.cli.inspect.shadow import print_shadow_comparison

        if mode is not None or by is not GroupBy.USER:
            raise typer.BadParameter(
                "--by and --mode cannot be combined with it", param_hint="--shadow"
            )
        print_shadow_comparison(
            config,
            ledger,
            user=user,
            strategy=strategy,
            symbol=symbol,
            since=since,
            as_json=as_json,
        )
        return
    with open_reader(config, ledger) as source:
        selection = source.select(
            user=user, strategy=strategy, symbol=symbol, mode=mode, since=since
        )
        rows = profit(source.connection, by=by, selection=selection)
    columns = (Column(by.value.capitalize(), by.column), *_EARNED)
    print_list(rows, columns, as_json=as_json, none="no positions closed")
