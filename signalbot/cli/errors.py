"""What the command line says and returns when it cannot do what was asked."""

from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from enum import IntEnum
from typing import Any, NoReturn

import typer

from signalbot.domain.errors import ConfigError, NotFound, SignalbotError


class ExitCode(IntEnum):
    """What a script can tell apart; 2, wrong usage, is Typer's own."""

    OK = 0
    ERROR = 1
    NOT_RUNNING = 3
    NOT_FOUND = 4
    BAD_CONFIG = 78  #: EX_CONFIG of sysexits.h: systemd is told not to try again


_Told = SignalbotError | OSError


class NotRunning(SignalbotError):
    """The daemon would have to run for this."""


def not_found(kind: str, name: str, known: list[str]) -> NotFound:
    """That there is no ``kind`` called ``name``, and which were most likely meant."""
    near = get_close_matches(name, known, n=3)
    if near:
        return NotFound(f"no {kind} {name!r}: did you mean {', '.join(near)}?")
    return NotFound(f"no {kind} {name!r}: " + (f"known are {_few(known)}" if known else "none yet"))


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
def telling() -> Iterator[None]:
    """Turn what a user can cause into a message on stderr and an exit code; never a traceback.

    Several at once, from tasks that failed together, are told one by one.
    """
    try:
        yield
    except SignalbotError as e:
        _leave([e])
    except BaseExceptionGroup as e:
        told, bugs = e.split((SignalbotError, OSError))
        if told is None or bugs is not None:
            raise
        _leave(list(_leaves(told)))
    except OSError as e:
        _leave([e])
    except UnicodeEncodeError as e:
        _say(f"{e.object[e.start : e.end]!r} cannot be written as {e.encoding}")
        raise SystemExit(ExitCode.ERROR) from e


def _leave(errors: list[_Told]) -> NoReturn:
    for error in errors:
        if isinstance(error, ConfigError):
            typer.echo(str(error), err=True)  # each line begins with its file and line number
        elif isinstance(error, OSError):
            where = "" if error.filename is None else f"{error.filename}: "
            _say(f"{where}{error.strerror or error}")
        else:
            _say(str(error))
    raise SystemExit(max(map(_exit_code, errors))) from errors[0]


def _exit_code(error: _Told) -> ExitCode:
    return ExitCode.ERROR if isinstance(error, OSError) else exit_code_of(error)


def _leaves(group: BaseExceptionGroup[Any]) -> Iterator[_Told]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def _say(message: str) -> None:
    typer.echo(f"signalbot: {message}", err=True)


def _few(names: list[str]) -> str:
    more = len(names) - _SHOWN_NAMES
    return ", ".join(names[:_SHOWN_NAMES]) + (f" and {more} more" if more > 0 else "")


_SHOWN_NAMES = 8
