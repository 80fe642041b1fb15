"""Prints the report of one signal: the signal, then the outcome of each user."""

from collections.abc import Iterator
from typing import Any

import typer

from signalbot.cli.formatting import action_of, comma_list, facts, number, plain, signed_money, utc
from signalbot.cli.inspect.orders import ORDER_COLUMNS
from signalbot.cli.render import Column, is_terminal, print_facts, print_table
from signalbot.domain.code_catalog import code_of, meaning_of
from signalbot.ledger.rank_bands import rank_bands

Row = dict[str, Any]

NO_DECISION = "no decision"
_UNDECIDED = "no decision recorded: the daemon did not run or has not decided yet"
_CLAIMED = "claimed; the outcome is not known yet"

_USER_COLUMNS = (Column("User", "user_id"), Column("Mode", "mode", is_extra=True))
_DECISION = (Column("Decision", "decision"), Column("Code", "code"))
_EXECUTION = (
    Column("Status", "status"),
    Column("Requested", "asked_quantity", number, is_number=True, is_extra=True),
    Column("Filled", "filled_quantity", number, is_number=True),
    Column("Price", "actual_entry_price", number, is_number=True, is_extra=True),
    Column("Slip bp", "slippage_bps", is_number=True),
    Column("Latency ms", "latency_ms", is_number=True, is_extra=True),
    Column("Rank", "rank", is_number=True, is_extra=True),
    Column("Result", "result"),
    Column("Net PnL", "result_pnl", signed_money, is_number=True),
)
_REASON_COLUMN = Column("Reason", "why", is_prose=True)
_RANK_COLUMNS = (
    Column("Ranks from", "first_rank", is_number=True),
    Column("to", "last_rank", is_number=True),
    Column("Filled", "filled", is_number=True),
    Column("Median slip bp", "median_slippage_bps", is_number=True),
    Column("Worst slip bp", "worst_slippage_bps", is_number=True),
    Column("Median latency ms", "median_latency_ms", is_number=True),
    Column("Worst latency ms", "worst_latency_ms", is_number=True),
)


def with_code_meaning(outcome: Row) -> Row:
    """Add the code's meaning and fix, and the rank in the queue, to a user's outcome."""
    return outcome | meaning_of(outcome["code"]) | {"rank": (outcome["detail"] or {}).get("rank")}


def print_signal_report(report: Row) -> None:
    """Print the signal and one line per user; for a single user all details and orders."""
    print_facts(_signal_facts(report["signal"]))
    typer.echo()
    if "orders" in report:
        _print_one(report["users"][0], report["orders"])
    elif not report["users"]:
        typer.echo(f"no user is subscribed to {report['signal']['strategy']}")
    else:
        _print_all([_display_row(outcome) for outcome in report["users"]])


def _print_all(outcomes: list[Row]) -> None:
    if is_terminal():
        _print_split(outcomes)
    else:
        print_table(outcomes, (*_USER_COLUMNS, *_DECISION, *_EXECUTION, _REASON_COLUMN))
    bands = rank_bands(outcomes)
    if len(bands) > 1:
        typer.echo()
        print_table(bands, _RANK_COLUMNS)


def _print_split(outcomes: list[Row]) -> None:
    """Print decisions, then executions: one table would be too wide for a terminal."""
    print_table(outcomes, (*_USER_COLUMNS, *_DECISION, _REASON_COLUMN))
    acted = [outcome for outcome in outcomes if outcome["status"] is not None]
    if acted:
        typer.echo()
        print_table(acted, (*_USER_COLUMNS, *_EXECUTION))


def _print_one(outcome: Row, orders: list[Row]) -> None:
    print_facts(_outcome_facts(_display_row(outcome)))
    if orders:
        typer.echo()
        print_table(orders, ORDER_COLUMNS)


def _display_row(outcome: Row) -> Row:
    is_over = outcome["position_status"] == "CLOSED"
    return outcome | {
        "decision": outcome["outcome"] or NO_DECISION,
        "result": outcome["close_reason"] if is_over else outcome["position_status"],
        "result_pnl": outcome["net_pnl"] if is_over else None,
        "why": "; ".join(_reasons(outcome)),
    }


def _reasons(outcome: Row) -> Iterator[str]:
    """Yield the code's meaning, failures after the decision, and facts without a column."""
    if outcome["outcome"] is None:
        yield _UNDECIDED
    elif outcome["cause"]:
        yield outcome["cause"]
    yield from _failures(outcome)
    details = {"rank", "quantity"} if outcome["asked_quantity"] else {"rank"}
    numbers = {
        name: value for name, value in (outcome["detail"] or {}).items() if name not in details
    }
    if numbers:
        yield facts(numbers)


def _failures(outcome: Row) -> Iterator[str]:
    if outcome["status"] == "pending":
        yield _CLAIMED
    elif outcome["failure_reason"] or outcome["error_details"]:
        details = (outcome["failure_reason"], outcome["error_details"])
        yield f"{outcome['status']}: {': '.join(each for each in details if each)}"
        failure = code_of(outcome["failure_reason"])
        if failure is not None:
            yield failure.cause


def _signal_facts(signal: Row) -> Iterator[tuple[str, str]]:
    yield "Signal", f"{signal['signal_id']}, {signal['status']}"
    timeframe = f" {signal['timeframe']}" if signal["timeframe"] else ""
    yield "Action", f"{action_of(signal)} {signal['symbol']} on {signal['exchange']}"
    yield "Strategy", f"{signal['strategy']}{timeframe} ({signal['source']})"
    yield "Time", f"{utc(signal['created_at_ms'])}, expires {utc(signal['expires_at_ms'])}"
    yield "Strength", f"{signal['strength']}, confidence {plain(signal['confidence'])}"
    yield "Levels", " ".join(_levels(signal)) or "none"
    yield "Reason", signal["reason"]


def _levels(signal: Row) -> Iterator[str]:
    if signal["price"]:
        yield f"price {number(signal['price'])}"
    if signal["stop_loss"]:
        yield f"stop {number(signal['stop_loss'])}"
    if signal["trailing_percent"]:
        yield f"trailing {number(signal['trailing_percent'])} %"
    if signal["take_profits"]:
        yield f"targets {comma_list(list(map(number, signal['take_profits'])))}"
    if signal["take_profit_shares"]:
        yield f"shares {comma_list(list(map(number, signal['take_profit_shares'])))} %"


def _outcome_facts(outcome: Row) -> Iterator[tuple[str, str]]:
    yield "User", f"{outcome['user_id']} ({outcome['mode']}, {outcome['user_status']})"
    decided = f" at {utc(outcome['decided_at_ms'])}" if outcome["decided_at_ms"] is not None else ""
    yield "Decision", f"{outcome['decision']}{decided}"
    if outcome["outcome"] is None:
        yield "Reason", _UNDECIDED
    else:
        yield "Code", outcome["code"]
        yield "Reason", outcome["cause"] or "unknown in this version"
        yield "Fix", outcome["cure"] or "unknown in this version"
        yield "Facts", facts(outcome["detail"])
    if outcome["status"] is not None:
        yield from _execution_facts(outcome)


def _execution_facts(outcome: Row) -> Iterator[tuple[str, str]]:
    yield "Execution", f"{outcome['status']}, claimed at {utc(outcome['claimed_at_ms'])}"
    for problem in _failures(outcome):
        yield "Failure", problem
    failure = code_of(outcome["failure_reason"])
    if failure is not None:
        yield "Fix", failure.fix
    for column in _EXECUTION[1:]:
        value = outcome[column.key]
        if value is not None:
            yield column.title, column.format(value)
    if outcome["ai_decision_applied"]:
        yield "AI confidence", plain(outcome["ai_confidence"])
    if outcome["ai_skip_reason"]:
        yield "Without AI", f"{outcome['ai_skip_reason']}; ai.on_error is 'follow'"
