"""Error messages and exit codes of the command line."""

from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from enum import IntEnum
from typing import Any, NoReturn

import typer

from signalbot.domain.errors import ConfigError, NotFound, SignalbotError


class ExitCode(IntEnum):
    """Exit codes of the commands; 2, wrong usage, belongs to Typer."""

    OK = 0
    ERROR = 1
    NOT_RUNNING = 3
    NOT_FOUND = 4
    BAD_CONFIG = 78  #: EX_CONFIG of sysexits.h: systemd does not restart the daemon


_ExpectedError = SignalbotError | OSError


class NotRunning(SignalbotError):
    """The command needs a running daemon."""


def not_found(kind: str, name: str, candidates: list[str]) -> NotFound:
    """Return the error for an unknown ``kind`` called ``name``, with the closest known names."""
    near = get_close_matches(name, candidates, n=3)
    if near:
        return NotFound(f"no {kind} {name!r}: did you mean {', '.join(near)}?")
    return NotFound(
        f"no {kind} {name!r}: " + (f"known: {_few(candidates)}" if candidates else "none yet")
    )


def exit_code_of(error: SignalbotError) -> ExitCode:
    match error:
        case ConfigError():
            return ExitCode.BAD_CONFIG
        case NotFound():
            return ExitCode.NOT_FOUND
        case NotRunning():
            return ExitCode.NOT_RUNNING
        case _:
            return ExitCode.ERROR


@contextmanager
def report_errors() -> Iterator[None]:
    """Turn expected errors into messages on stderr and an exit code, without a traceback.

    Errors of tasks that failed together are printed one by one.
    """
    try:
        yield
    except SignalbotError as e:
        _exit_with([e])
    except BaseExceptionGroup as e:
        expected, bugs = e.split((SignalbotError, OSError))
        if expected is None or bugs is not None:
            raise
        _exit_with(list(_leaves(expected)))
    except OSError as e:
        _exit_with([e])
    except UnicodeEncodeError as e:
        _print_error(f"{e.object[e.start : e.end]!r} cannot be written as {e.encoding}")
        raise SystemExit(ExitCode.ERROR) from e


def _exit_with(errors: list[_ExpectedError]) -> NoReturn:
    for error in errors:
        if isinstance(error, ConfigError):
            typer.echo(str(error), err=True)  # each line begins with its file and line number
        elif isinstance(error, OSError):
            where = "" if error.filename is None else f"{error.filename}: "
            _print_error(f"{where}{error.strerror or error}")
        else:
            _print_error(str(error))
    raise SystemExit(max(map(_exit_code, errors))) from errors[0]


def _exit_code(error: _ExpectedError) -> ExitCode:
    return ExitCode.ERROR if isinstance(error, OSError) else exit_code_of(error)


def _leaves(group: BaseExceptionGroup[Any]) -> Iterator[_ExpectedError]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def _print_error(message: str) -> None:
    typer.echo(f"signalbot: {message}", err=True)


def _few(names: list[str]) -> str:
    more = len(names) - _MAX_LISTED_NAMES
    return ", ".join(names[:_MAX_LISTED_NAMES]) + (f" and {more} more" if more > 0 else "")


_MAX_LISTED_NAMES = 8
