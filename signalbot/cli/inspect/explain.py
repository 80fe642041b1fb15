"""``explain``: explains codes and log events."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from signalbot.cli.errors import not_found
from signalbot.cli.options import JsonOption
from signalbot.cli.render import Column, print_facts, print_json, print_list
from signalbot.domain.code_catalog import CODES

Row = dict[str, Any]

_COLUMNS = (
    Column("Code", "code"),
    Column("Kind", "of"),
    Column("Meaning", "cause", is_prose=True),
    Column("Fix", "cure", is_prose=True),
)


def explain(
    *,
    code: Annotated[
        str | None,
        typer.Argument(metavar="CODE", help="Code or log event: position.mismatch_found."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Explain a code and its fix, or list all."""
    if code is None:
        print_list(list(_codes()), _COLUMNS, as_json=as_json, none="no codes")
        return
    row = _event(code.lower()) if "." in code else _code(code.upper().replace("-", "_"))
    if as_json:
        print_json(row)
    else:
        print_facts((each.title, row[each.key]) for each in _COLUMNS if row[each.key] is not None)
        topic = "log-events" if "." in code else "decision-codes"
        typer.echo(f"\nsee: signalbot manual {topic}")


def _codes() -> Iterator[Row]:
    for group, kind in CODES.items():
        for each in kind:
            yield {
                "code": each.value,
                "of": group,
                "cause": each.cause,
                "cure": each.fix,
            }


def _code(wanted: str) -> Row:
    rows = {row["code"]: row for row in _codes()}
    if wanted not in rows:
        raise not_found("code", wanted, list(rows))
    return rows[wanted]


def _event(wanted: str) -> Row:
    from signalbot.domain.events import EVENTS

    if wanted not in EVENTS:
        raise not_found("event", wanted, list(EVENTS))
    return {"code": wanted, "of": "log event", "cause": EVENTS[wanted].meaning, "cure": None}
