"""Where the configuration file is, and the state directory it names.

Standard library only: commands that merely read the ledger must not wait for pydantic.
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
    """The file of ``-c``, else of ``$SIGNALBOT_CONFIG``, else the first usual place that exists.

    Raises:
        ConfigError: the file that was named does not exist, or there is none anywhere.
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
    """The absolute state directory named by the file at ``path``; nothing else in it is checked.

    Raises:
        InvalidConfig: the file cannot be read or is not TOML, or the directory is not text.
    """
    sources = Sources(Document.read_until_table(path, "daemon"), environ)
    if not sources.has("daemon", "state_dir"):
        return resolve_beside(path, DEFAULT_STATE_DIR)
    value = sources.get("daemon", "state_dir")
    if not isinstance(value, str) or not value:
        problem = sources.problem(
            ("daemon", "state_dir"), f"{value!r} is not the path of a directory"
        )
        raise InvalidConfig([problem])
    return resolve_beside(path, value)


def resolve_within(folder: Path, named: str) -> Path:
    """The absolute path of ``named``: relative to ``folder``, or ``~``."""
    return Path(os.path.abspath(folder / os.path.expanduser(named)))


def resolve_beside(config: Path, named: str) -> Path:
    """The absolute path of ``named``: relative to the folder of the ``config`` file, or ``~``."""
    return resolve_within(config.absolute().parent, named)
