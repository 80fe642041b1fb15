"""Finds the configuration file and the state directory it names.

Standard library only: commands that only read the ledger do not import pydantic.
"""

import os.path
from collections.abc import Mapping
from pathlib import Path

from signalbot.config.document import Document
from signalbot.config.problems import InvalidConfig
from signalbot.config.sources import Sources
from signalbot.domain.errors import ConfigError

VARIABLE = "SIGNALBOT_CONFIG"
DEFAULT_STATE_DIR = "state"
_USUAL_PLACES = (Path("config.toml"), Path("/etc/signalbot/config.toml"))


def find_config(explicit: Path | None, environ: Mapping[str, str]) -> Path:
    """Return the file of ``-c``, of ``$SIGNALBOT_CONFIG``, or the first default path that exists.

    Raises:
        ConfigError: the named file does not exist, or no default path does.
    """
    if explicit is not None:
        return _named(explicit, by="-c")
    if named := environ.get(VARIABLE):
        return _named(Path(named), by=f"${VARIABLE}")
    for place in _USUAL_PLACES:
        if place.is_file():
            return place
    tried = ", ".join(
        [f"${VARIABLE} (not set)", *(str(place.absolute()) for place in _USUAL_PLACES)]
    )
    raise ConfigError(
        f"no configuration file: tried {tried}; name one with -c FILE, "
        "or write one with: signalbot init"
    )


def _named(path: Path, *, by: str) -> Path:
    if path.is_dir() or not path.exists():
        reason = "is a directory" if path.is_dir() else "does not exist"
        raise ConfigError(f"no configuration file: {path.absolute()}, named by {by}, {reason}")
    return path


def state_dir_of(path: Path, environ: Mapping[str, str]) -> Path:
    """Return the absolute state directory of the file at ``path``; checks nothing else in it.

    Raises:
        InvalidConfig: the file cannot be read or is not TOML, or the directory is not text.
    """
    sources = Sources(Document.read_until_table(path, "daemon"), environ)
    if not sources.has("daemon", "state_dir"):
        return resolve_from_config(path, DEFAULT_STATE_DIR)
    value = sources.get("daemon", "state_dir")
    if not isinstance(value, str) or not value:
        problem = sources.problem(
            ("daemon", "state_dir"), f"{value!r} is not the path of a directory"
        )
        raise InvalidConfig([problem])
    return resolve_from_config(path, value)


def resolve_within(folder: Path, named: str) -> Path:
    """Return ``named`` as an absolute path; relative to ``folder``, ``~`` expanded."""
    return Path(os.path.abspath(folder / os.path.expanduser(named)))


def resolve_from_config(config: Path, named: str) -> Path:
    """Return ``named`` as an absolute path; relative to the file ``config``, ``~`` expanded."""
    return resolve_within(config.absolute().parent, named)
