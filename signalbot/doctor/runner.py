"""Finds the checks in ``checks``, and runs them in the order of their report."""

import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from signalbot.doctor import checks
from signalbot.doctor.finding import Finding, problem
from signalbot.doctor.installation import Installation
from signalbot.domain.errors import SignalbotError


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Check:
    """A module of ``checks``: its ``ORDER``, ``NAME`` and function ``check``."""

    order: int  #: position in the report
    name: str
    run: Callable[[Installation], Iterator[Finding]]  #: changes nothing; may raise what it meets


@cache
def all_checks() -> tuple[Check, ...]:
    """Every check, in the order of the report."""
    modules = (
        import_module(f"{checks.__name__}.{each.name}")
        for each in pkgutil.iter_modules(checks.__path__)
    )
    return tuple(
        sorted(Check(order=each.ORDER, name=each.NAME, run=each.check) for each in modules)
    )


def run_checks(installation: Installation) -> Iterator[Finding]:
    """The findings of all checks; a check that fails is a finding itself."""
    for each in all_checks():
        try:
            yield from each.run(installation)
        except (SignalbotError, OSError) as e:
            yield problem(each.name, f"cannot be checked: {e}", "fix the cause, then run it again")
