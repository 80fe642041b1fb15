"""``explain``: what a code means, and what to do about it."""

from typing import Annotated

import typer

from signalbot.cli.errors import not_found, telling
from signalbot.cli.options import AsJson
from signalbot.cli.render import Column, print_facts, print_json, print_list
from signalbot.domain.failures import Failure
from signalbot.domain.reasons import Reason

_KINDS: tuple[tuple[str, type[Reason] | type[Failure]], ...] = (
    ("decision", Reason),
    ("failure", Failure),
)


def explain(
    code: Annotated[
        str | None, typer.Argument(metavar="CODE", help="As in `why`; left out: all of them.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what a code means: why a user did not trade, or why an execution failed."""
    with telling():
        rows = [
            {"code": each.value, "of": kind, "cause": each.cause, "cure": each.cure}
            for kind, codes in _KINDS
            for each in codes
        ]
        if code is None:
            columns = (Column("Code", "code"), Column("Of", "of"), Column("Cause", "cause"))
            print_list(rows, columns, as_json=as_json, none="")
            return
        found = [row for row in rows if row["code"] == code.upper()]
        if not found:
            raise not_found("code", code.upper(), [row["code"] for row in rows])
        if as_json:
            print_json(found[0])
        else:
            [row] = found
            print_facts((("Code", row["code"]), ("Cause", row["cause"]), ("Cure", row["cure"])))
