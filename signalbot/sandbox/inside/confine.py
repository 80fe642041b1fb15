"""Drops every privilege and resource that a strategy does not need."""

import ctypes
import os
import resource
import signal
import site
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import signalbot
from signalbot.sandbox.inside import landlock, seccomp

_SET_PDEATHSIG, _SET_NO_NEW_PRIVS, _CAPBSET_DROP = 1, 38, 24
_CAPABILITIES = 64  # upper bound
_CAPABILITY_VERSION = 0x2008_0522
_SYSTEM = (
    "/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64", "/etc/ld.so.cache",
    "/usr/share/zoneinfo", "/etc/localtime", os.devnull, "/dev/urandom",
)  # fmt: skip
_OPEN_FILES = 64
_OOM_SCORE, _MAX_OOM_SCORE = "/proc/self/oom_score_adj", "1000"

_libc = ctypes.CDLL(None, use_errno=True)


def exit_with_parent(parent: int) -> None:
    """Have the kernel kill this process when the thread that started it ends."""
    _libc.prctl(_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


def lower_priority(parent: int) -> dict[str, str]:
    """Lower the CPU priority below the daemon's, and raise the OOM score to the maximum.

    Returns the missing features with reasons. Where a service may not change priorities, its unit
    can give the daemon the higher one.
    """
    missing: dict[str, str] = {}
    with suppress(OSError):
        os.nice(10)
    with suppress(OSError):
        Path(_OOM_SCORE).write_text(_MAX_OOM_SCORE)
    if os.getpriority(os.PRIO_PROCESS, 0) <= os.getpriority(os.PRIO_PROCESS, parent):
        missing["priority"] = "it has the priority of the daemon"
    elif _oom_score() != _MAX_OOM_SCORE:
        missing["priority"] = "it is not the first to be killed when memory runs out"
    return missing


def _oom_score() -> str:
    with suppress(OSError):
        return Path(_OOM_SCORE).read_text().strip()
    return ""


def confine(*, folder: int, memory_bytes: int) -> dict[str, str]:
    """Restrict this process to reading libraries and ``folder``, and ``memory_bytes`` more.

    ``folder`` is an open descriptor and is closed on return. Returns the missing features with
    reasons. The restrictions are irreversible.
    """
    missing: dict[str, str] = {}
    if _libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        missing["privileges"] = "the kernel rejects no_new_privs"
    _limit_resources(memory_bytes)
    _drop_capabilities()
    try:
        version = landlock.restrict(_readable_paths(), folder=folder)
    except OSError as e:
        missing["files"] = str(e)
    else:
        missing.update(_unsupported_rights(version))
    finally:
        os.close(folder)
    try:
        seccomp.restrict()
    except OSError as e:
        missing["calls"] = str(e)
        _set(resource.RLIMIT_NPROC, 0)
    return missing


def _unsupported_rights(version: int) -> dict[str, str]:
    """Return the file restrictions that this version of Landlock lacks."""
    truncation = 3
    return (
        {}
        if version >= truncation
        else {"truncation": f"Landlock {version} does not restrict truncation"}
    )


def _limit_resources(memory_bytes: int) -> None:
    with open("/proc/self/statm", encoding="ascii") as pages:
        used = int(pages.read().split()[0]) * resource.getpagesize()
    _set(resource.RLIMIT_AS, used + memory_bytes)
    for kind in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE, resource.RLIMIT_MEMLOCK):
        _set(kind, 0)
    _set(resource.RLIMIT_MSGQUEUE, 0)
    _set(resource.RLIMIT_NOFILE, _OPEN_FILES)


def _set(kind: int, limit: int) -> None:
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(kind, (limit, limit))


def _drop_capabilities() -> None:
    """Drop all capabilities, which a daemon run as root has."""
    for number in range(_CAPABILITIES):
        _libc.prctl(_CAPBSET_DROP, number, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    _libc.capset(header, (ctypes.c_uint32 * 6)())


def _readable_paths() -> Iterable[str]:
    """Return the paths of interpreter, packages, system libraries and signalbot."""
    paths = sysconfig.get_paths()
    own = (paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib"))
    return dict.fromkeys(
        (*own, *_standard_library(), *site.getsitepackages(), *_package(), *_SYSTEM)
    )


def _standard_library() -> Iterator[str]:
    """Yield the standard library of a virtual environment's base."""
    for name in ("stdlib", "platstdlib"):
        yield sysconfig.get_path(name, vars={"base": sys.base_prefix, "platbase": sys.base_prefix})
    yield str(Path(sys.base_prefix, "lib"))


def _package() -> Iterator[str]:
    yield from signalbot.__path__
