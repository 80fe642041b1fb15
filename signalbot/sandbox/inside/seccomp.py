"""A seccomp filter: no sockets, child processes, threads, or access to other processes.

Covers what Landlock does not: sockets other than TCP, new processes and threads, signals to others
on older kernels, file signal owners, and the owner, mode and times of files. Refused calls fail
with EPERM; calls newer than this list fail with ENOSYS, as on an older kernel. Layouts from
``linux/seccomp.h`` and ``linux/filter.h``, numbers from ``asm/unistd_64.h`` and
``asm-generic/unistd.h``.
"""

import ctypes
import errno
import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass

_SET_SECCOMP, _FILTER = 22, 2
_KILL, _ERRNO, _ALLOW = 0x8000_0000, 0x0005_0000, 0x7FFF_0000
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT, _SECOND_ARGUMENT = 0, 4, 16, 24  # in struct seccomp_data
_FIRST_UNKNOWN = 450
_PR_SET_PDEATHSIG = 1
_FCNTL_COMMANDS = (0, 1, 2, 3, 4, 1030)  # DUPFD, GETFD, SETFD, GETFL, SETFL, DUPFD_CLOEXEC
_IOCTL_COMMANDS = (
    0x5401, 0x5413, 0x541B,  # TCGETS, TIOCGWINSZ, FIONREAD
    0x5421, 0x5450, 0x5451,  # FIONBIO, FIONCLEX, FIOCLEX
)  # fmt: skip


@dataclass(frozen=True)
class _Machine:
    """System call numbers of one architecture."""

    audit: int  #: AUDIT_ARCH_*
    refused: tuple[int, ...]
    kills: tuple[int, ...]  #: kill, tkill, tgkill
    prlimit: int
    prctl: int
    fcntl: int
    ioctl: int


_CLONE3 = 435
_EVERYWHERE = (
    *range(424, 435),  # pidfd_send_signal, io_uring_*, open_tree, move_mount, fs*, pidfd_open
    438, 440, 442, 443, 447,  # pidfd_getfd, process_madvise, mount_setattr, quotactl_fd, secrets
)  # fmt: skip
_MACHINES = {
    "x86_64": _Machine(
        audit=0xC000_003E,
        refused=(
            *_EVERYWHERE,
            *range(41, 52), 53, 288, 299, 307,  # socket to getsockname, socketpair, accept4, *mmsg
            56, 57, 58, 59, 322,  # clone, fork, vfork, execve, execveat
            101, 310, 311, 312, 129, 297,  # ptrace, process_vm_*, kcmp, rt_*sigqueueinfo
            155, 161, 165, 166, 272, 308,  # pivot_root, chroot, mount, umount2, unshare, setns
            303, 304, 179, 206,  # *_handle_at, quotactl, io_setup
            248, 249, 250, 298, 321, 323,  # keys, perf_event_open, bpf, userfaultfd
            175, 176, 313, 246, 320, 169, 167, 168, 163,  # modules, kexec, reboot, swap, acct
            159, 164, 227, 305, 170, 171, 172, 173,  # clocks, names of the host, ports
            *range(29, 32), *range(64, 72), *range(240, 246), 319,  # System V, mqueues, memfd
            90, 91, 268, 92, 93, 94, 260, 132, 235, 261, 280,  # mode, owner, times
            188, 189, 190, 197, 198, 199,  # extended attributes
            105, 106, 109, 112, 113, 114, 116, 117, 119, 122, 123, 126,  # identity, session
            141, 142, 144, 203, 251, 256, 279, 314,  # priorities and placement, of others too
            103, 134, 135, 153, 212, 253, 294, 300,  # syslog, personality, watching files
        ),
        kills=(62, 200, 234), prlimit=302, prctl=157, fcntl=72, ioctl=16,
    ),
    "aarch64": _Machine(
        audit=0xC000_00B7,
        refused=(
            *_EVERYWHERE,
            *range(198, 205), 206, 207, 208, 209, 210, 211, 212, 242, 243, 269,
            220, 221, 281,
            117, 270, 271, 272, 138, 240,
            39, 40, 41, 51, 97, 268,
            264, 265, 60, 0,
            217, 218, 219, 241, 280, 282,
            104, 105, 106, 273, 294, 142, 224, 225, 89,
            112, 170, 171, 266, 161, 162,
            *range(180, 198), 279,
            52, 53, 54, 55, 88,
            5, 6, 7, 14, 15, 16,
            143, 144, 145, 146, 147, 149, 151, 152, 154, 157, 159, 91,
            118, 119, 122, 140, 30, 238, 239, 274,
            18, 26, 58, 92, 116, 262,
        ),
        kills=(129, 130, 131), prlimit=261, prctl=167, fcntl=25, ioctl=29,
    ),
}  # fmt: skip


class _Step(ctypes.Structure):
    _fields_ = [
        ("code", ctypes.c_uint16),
        ("jump_true", ctypes.c_uint8),
        ("jump_false", ctypes.c_uint8),
        ("value", ctypes.c_uint32),
    ]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint16), ("steps", ctypes.POINTER(_Step))]


def restrict() -> None:
    """Install the filter for this thread. Needs ``no_new_privs``.

    Raises:
        OSError: the machine is unsupported, or the kernel has no seccomp filters.
    """
    machine = _MACHINES.get(platform.machine())
    if machine is None:
        raise OSError(f"no filter for {platform.machine()}")
    steps = [_Step(*each) for each in _steps(machine, os.getpid())]
    program = _Program(len(steps), (_Step * len(steps))(*steps))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_SET_SECCOMP, _FILTER, ctypes.byref(program), 0, 0):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


_Code = tuple[int, int, int, int]
_PASS: _Code = (_RETURN, 0, 0, _ALLOW)
_REFUSE: _Code = (_RETURN, 0, 0, _ERRNO | errno.EPERM)


def _steps(machine: _Machine, pid: int) -> Iterator[_Code]:
    yield (_LOAD, 0, 0, _ARCHITECTURE)
    yield (_EQUAL, 1, 0, machine.audit)
    yield (_RETURN, 0, 0, _KILL)  # another architecture has other numbers
    yield (_LOAD, 0, 0, _NUMBER)
    yield from _return_enosys(_AT_LEAST, _FIRST_UNKNOWN)
    yield from _return_enosys(_EQUAL, _CLONE3)  # the library then tries clone, which is refused
    for number in machine.refused:
        yield (_EQUAL, 0, 1, number)
        yield _REFUSE
    for number in machine.kills:
        yield from _allow_only(number, (_EQUAL, pid))
    yield from _allow_only(machine.prlimit, (_EQUAL, 0), (_EQUAL, pid))
    for number, commands in (
        (machine.fcntl, _FCNTL_COMMANDS),
        (machine.ioctl, _IOCTL_COMMANDS),
    ):
        tests = [(_EQUAL, command) for command in commands]
        yield from _allow_only(number, *tests, argument=_SECOND_ARGUMENT)
    yield from _refuse_value(machine.prctl, _PR_SET_PDEATHSIG)
    yield _PASS


def _return_enosys(test: int, number: int) -> Iterator[_Code]:
    yield (test, 0, 1, number)
    yield (_RETURN, 0, 0, _ERRNO | errno.ENOSYS)


def _allow_only(
    number: int, *tests: tuple[int, int], argument: int = _FIRST_ARGUMENT
) -> Iterator[_Code]:
    """Allow call ``number`` if ``argument`` passes one of the tests, else refuse it."""
    yield (_EQUAL, 0, 2 + 2 * len(tests), number)
    yield (_LOAD, 0, 0, argument)
    for test, value in tests:
        yield (test, 0, 1, value)
        yield _PASS
    yield _REFUSE


def _refuse_value(number: int, value: int) -> Iterator[_Code]:
    """Refuse call ``number`` if its first argument is ``value``."""
    yield (_EQUAL, 0, 3, number)
    yield (_LOAD, 0, 0, _FIRST_ARGUMENT)
    yield (_EQUAL, 0, 1, value)
    yield _REFUSE
