"""How the story of one signal reads: the signal, then what each user made of it."""

from collections.abc import Iterator
from typing import Any

import typer

from signalbot.cli.inspect.orders import ORDER_COLUMNS
from signalbot.cli.render import Column, is_terminal, print_facts, print_table
from signalbot.cli.words import action_of, facts, gain, listing, number, plain, utc
from signalbot.domain.codebook import code_of, meaning_of
from signalbot.ledger.ranks import by_rank

Row = dict[str, Any]

NO_DECISION = "no decision"
_UNDECIDED = "subscribed, but no decision is recorded: the daemon did not run or has not got to it"
_CLAIMED = "claimed; what came of it is not known yet"

_WHO = (Column("User", "user_id"), Column("Mode", "mode", is_extra=True))
_DECISION = (Column("Decision", "decision"), Column("Code", "code"))
_EXECUTION = (
    Column("Status", "status"),
    Column("Asked", "asked_quantity", number, is_number=True, is_extra=True),
    Column("Filled", "filled_quantity", number, is_number=True),
    Column("Price", "actual_entry_price", number, is_number=True, is_extra=True),
    Column("Slip bp", "slippage_bps", is_number=True),
    Column("Latency ms", "latency_ms", is_number=True, is_extra=True),
    Column("Rank", "rank", is_number=True, is_extra=True),
    Column("Result", "result"),
    Column("Net PnL", "result_pnl", gain, is_number=True),
)
_WHY = Column("Why", "why", is_prose=True)
_BANDS = (
    Column("Ranks from", "first_rank", is_number=True),
    Column("to", "last_rank", is_number=True),
    Column("Filled", "filled", is_number=True),
    Column("Median slip bp", "median_slippage_bps", is_number=True),
    Column("Worst slip bp", "worst_slippage_bps", is_number=True),
    Column("Median latency ms", "median_latency_ms", is_number=True),
    Column("Worst latency ms", "worst_latency_ms", is_number=True),
)


def explained(turn: Row) -> Row:
    """A user's turn with what its code means, what would change it, and its place in the queue."""
    return turn | meaning_of(turn["code"]) | {"rank": (turn["detail"] or {}).get("rank")}


def print_story(story: Row) -> None:
    """Print the signal and one line per user; of a single user everything, with its orders."""
    print_facts(_signal_facts(story["signal"]))
    typer.echo()
    if "orders" in story:
        _print_one(story["users"][0], story["orders"])
    elif not story["users"]:
        typer.echo(f"nobody is subscribed to {story['signal']['strategy']}")
    else:
        _print_all([_shown(turn) for turn in story["users"]])


def _print_all(turns: list[Row]) -> None:
    if is_terminal():
        _print_apart(turns)
    else:
        print_table(turns, (*_WHO, *_DECISION, *_EXECUTION, _WHY))
    bands = by_rank(turns)
    if len(bands) > 1:
        typer.echo()
        print_table(bands, _BANDS)


def _print_apart(turns: list[Row]) -> None:
    """Decisions, then executions: one wide table would fit no screen."""
    print_table(turns, (*_WHO, *_DECISION, _WHY))
    acted = [turn for turn in turns if turn["status"] is not None]
    if acted:
        typer.echo()
        print_table(acted, (*_WHO, *_EXECUTION))


def _print_one(turn: Row, orders: list[Row]) -> None:
    print_facts(_turn_facts(_shown(turn)))
    if orders:
        typer.echo()
        print_table(orders, ORDER_COLUMNS)


def _shown(turn: Row) -> Row:
    is_over = turn["position_status"] == "CLOSED"
    return turn | {
        "decision": turn["outcome"] or NO_DECISION,
        "result": turn["close_reason"] if is_over else turn["position_status"],
        "result_pnl": turn["net_pnl"] if is_over else None,
        "why": "; ".join(_why(turn)),
    }


def _why(turn: Row) -> Iterator[str]:
    """Cause, what went wrong after the decision, and the numbers that have no column."""
    if turn["outcome"] is None:
        yield _UNDECIDED
    elif turn["cause"]:
        yield turn["cause"]
    yield from _trouble(turn)
    told = {"rank", "quantity"} if turn["asked_quantity"] else {"rank"}
    numbers = {name: value for name, value in (turn["detail"] or {}).items() if name not in told}
    if numbers:
        yield facts(numbers)


def _trouble(turn: Row) -> Iterator[str]:
    if turn["status"] == "pending":
        yield _CLAIMED
    elif turn["failure_reason"] or turn["error_details"]:
        told = (turn["failure_reason"], turn["error_details"])
        yield f"{turn['status']}: {': '.join(each for each in told if each)}"
        failure = code_of(turn["failure_reason"])
        if failure is not None:
            yield failure.cause


def _signal_facts(signal: Row) -> Iterator[tuple[str, str]]:
    yield "Signal", f"{signal['signal_id']}, {signal['status']}"
    timeframe = f" {signal['timeframe']}" if signal["timeframe"] else ""
    yield "Says", f"{action_of(signal)} {signal['symbol']} on {signal['exchange']}"
    yield "From", f"{signal['strategy']}{timeframe} ({signal['source']})"
    yield "Time", f"{utc(signal['created_at_ms'])}, expires {utc(signal['expires_at_ms'])}"
    yield "Strength", f"{signal['strength']}, confidence {plain(signal['confidence'])}"
    yield "Levels", " ".join(_levels(signal)) or "none given"
    yield "Reason", signal["reason"]


def _levels(signal: Row) -> Iterator[str]:
    if signal["price"]:
        yield f"price {number(signal['price'])}"
    if signal["stop_loss"]:
        yield f"stop {number(signal['stop_loss'])}"
    if signal["trailing_percent"]:
        yield f"trailing {number(signal['trailing_percent'])} %"
    if signal["take_profits"]:
        yield f"targets {listing(list(map(number, signal['take_profits'])))}"
    if signal["take_profit_shares"]:
        yield f"shares {listing(list(map(number, signal['take_profit_shares'])))} %"


def _turn_facts(turn: Row) -> Iterator[tuple[str, str]]:
    yield "User", f"{turn['user_id']} ({turn['mode']}, {turn['user_status']})"
    decided = f" at {utc(turn['decided_at_ms'])}" if turn["decided_at_ms"] is not None else ""
    yield "Decision", f"{turn['decision']}{decided}"
    if turn["outcome"] is None:
        yield "Cause", _UNDECIDED
    else:
        yield "Code", turn["code"]
        yield "Cause", turn["cause"] or "not known to this version"
        yield "Cure", turn["cure"] or "not known to this version"
        yield "Numbers", facts(turn["detail"])
    if turn["status"] is not None:
        yield from _execution_facts(turn)


def _execution_facts(turn: Row) -> Iterator[tuple[str, str]]:
    yield "Execution", f"{turn['status']}, claimed at {utc(turn['claimed_at_ms'])}"
    for trouble in _trouble(turn):
        yield "Trouble", trouble
    failure = code_of(turn["failure_reason"])
    if failure is not None:
        yield "What to change", failure.cure
    for column in _EXECUTION[1:]:
        value = turn[column.key]
        if value is not None:
            yield column.title, column.show(value)
    if turn["ai_decision_applied"]:
        yield "AI confidence", plain(turn["ai_confidence"])
    if turn["ai_skip_reason"]:
        yield "Without AI", f"{turn['ai_skip_reason']}; ai.on_error is 'follow'"
