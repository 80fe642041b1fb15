"""Opens the folder of a strategy file and checks that only trusted users can change it.

A worker may read this one folder. Its path may point elsewhere later, by a link or a rename; the
open descriptor still refers to the folder that was checked.
"""

import os
from pathlib import Path
from stat import S_ISREG, S_ISVTX, S_IWGRP, S_IWOTH

from signalbot.strategies.base import StrategyFailed

_OPEN_FLAGS = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Folder:
    """An open folder; its descriptor is closed with the last reference to it."""

    def __init__(self, descriptor: int, path: Path) -> None:
        self.descriptor = descriptor
        self.path = path  #: absolute, without links when it was opened
        self._identity = _identity(os.fstat(descriptor))

    @classmethod
    def open(cls, path: Path) -> "Folder":
        """Open ``path``, an absolute path without links, component by component from the root.

        Raises:
            StrategyFailed: it does not exist, or others may change or replace it.
        """
        descriptor = os.open("/", _OPEN_FLAGS)
        try:
            at = Path("/")
            for part in path.parts[1:]:
                _check(os.fstat(descriptor), at, is_last=False)
                inner, at = os.open(part, _OPEN_FLAGS, dir_fd=descriptor), at / part
                os.close(descriptor)
                descriptor = inner
            _check(os.fstat(descriptor), at, is_last=True)
            return cls(descriptor, path)
        except OSError as e:
            os.close(descriptor)
            raise StrategyFailed(f"{path} cannot be opened: {e.strerror}") from None
        except BaseException:
            os.close(descriptor)
            raise

    def __del__(self) -> None:
        os.close(self.descriptor)

    def read(self, name: str, *, most: int) -> bytes:
        """Read the first ``most`` bytes of a file in the folder.

        Raises:
            StrategyFailed: it is not a regular file, or others may change it.
            OSError: it cannot be read.
        """
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(name, flags, dir_fd=self.descriptor)
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            if not S_ISREG(found.st_mode):
                raise StrategyFailed(f"{self.path / name} is not a file")
            _check(found, self.path / name, is_last=True)
            return file.read(most)

    def holds(self, path: Path) -> bool:
        """Return whether ``path``, existing or not, is inside this folder, links resolved."""
        place = path.resolve()
        return any(
            _identity(each.stat()) == self._identity
            for each in (place, *place.parents)
            if each.exists()
        )


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


def _check(found: os.stat_result, path: Path, *, is_last: bool) -> None:
    """Check that only root and the daemon's user may change ``path``.

    A sticky folder such as ``/tmp``, where others can add entries but not change existing ones, is
    accepted as a parent, but not as the folder itself.
    """
    if found.st_uid not in (0, os.geteuid()):
        raise StrategyFailed(
            f"{path} belongs to another user, who could change the code: chown it to root"
        )
    others = S_IWOTH if found.st_gid in (0, os.getegid()) else S_IWOTH | S_IWGRP
    is_sticky = bool(found.st_mode & S_ISVTX)
    if found.st_mode & others and (is_last or not is_sticky):
        raise StrategyFailed(f"others can write {path} and so change the code: chmod go-w {path}")
