"""System calls that a parser may make: a seccomp filter, which a process can't take off again.

There are two. The *standard* one refuses what is named in `_REFUSED` and allows the rest, so that
it breaks no parser that it does not know. The *strict* one allows what is named in `_ALLOWED` and
refuses the rest, so that a call which a new kernel brings is refused before anybody knew of it.

Numbers are those of the kernel's tables (`arch/x86/entry/syscalls/syscall_64.tbl` and
`include/uapi/asm-generic/unistd.h`, which aarch64 uses). A refused call fails with EPERM; one that
is newer than the tables with ENOSYS in the strict filter, as on an older kernel.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import sys
from collections.abc import Iterator
from typing import NamedTuple

_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
#: A child must end with the worker, whatever took it over.
_PR_SET_PDEATHSIG = 1
_MODE_FILTER = 2
_CLONE_THREAD = 0x00010000
_SOCK_STREAM, _SOCK_TYPES = 1, 0xF
#: fcntl commands that have the kernel send signals to somebody: F_SETOWN, F_SETSIG, F_SETOWN_EX.
_SIGNAL_COMMANDS = (8, 10, 15)
#: ioctl commands that do the same for a socket: FIOSETOWN, SIOCSPGRP.
_OWNER_COMMANDS = (0x8901, 0x8902)
#: ioctl commands of an honest reader: TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX.
_READER_COMMANDS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
#: prctl commands that name threads and memory: PR_SET_NAME, PR_GET_NAME, PR_SET_VMA.
_NAMING_COMMANDS = (15, 16, 0x53564D41)
#: The first number that the tables do not know (Linux 6.18 ends with file_setattr).
_FIRST_UNKNOWN = 470
#: The kernel whose calls the tables know, major and minor.
KNOWN_KERNEL = (6, 18)


class _Machine(NamedTuple):
    """What differs between processors; ``column`` is that of the tables below."""

    column: int
    audit_arch: int
    seccomp_call: int
    #: From here on numbers are of another ABI of the same processor (x32); 0 where there is none.
    foreign_from: int


_MACHINES = {
    "x86_64": _Machine(0, 0xC000003E, 317, 0x40000000),
    "aarch64": _Machine(1, 0xC00000B7, 277, 0),
}

#: Refused whatever the arguments: name, number on x86_64, number on aarch64; - where there is none.
_REFUSED = """
# network, and what could reach it by another way
socket 41 198; connect 42 203; bind 49 200; listen 50 201; accept 43 202; accept4 288 242
io_uring_setup 425 425; io_uring_enter 426 426; io_uring_register 427 427
# other programs and processes
fork 57 -; vfork 58 -; execve 59 221; execveat 322 281; ptrace 101 117
process_vm_readv 310 270; process_vm_writev 311 271; process_madvise 440 440
process_mrelease 448 448; kcmp 312 272; pidfd_open 434 434; pidfd_getfd 438 438
pidfd_send_signal 424 424; tkill 200 130; rt_sigqueueinfo 129 138; rt_tgsigqueueinfo 297 240
setpriority 141 140; ioprio_set 251 30; sched_setattr 314 274; setpgid 109 154; setsid 112 157
migrate_pages 256 238; move_pages 279 239; get_robust_list 274 100
# what others do: their files as they come and go, mounts and handles
inotify_init 253 -; inotify_init1 294 26; inotify_add_watch 254 27; fanotify_init 300 262
fanotify_mark 301 263; statmount 457 457; listmount 458 458; lookup_dcookie 212 18
# memory that outlives the process, or that no limit counts
memfd_create 319 279; memfd_secret 447 447; shmget 29 194; msgget 68 186; semget 64 190
mq_open 240 180
# owners, modes and attributes of files, which Landlock does not guard
chmod 90 -; fchmod 91 52; fchmodat 268 53; fchmodat2 452 452; chown 92 -; fchown 93 55
lchown 94 -; fchownat 260 54; setxattr 188 5; lsetxattr 189 6; fsetxattr 190 7
removexattr 197 14; lremovexattr 198 15; fremovexattr 199 16; setxattrat 463 463
removexattrat 466 466; file_setattr 469 469; utime 132 -; utimes 235 -; futimesat 261 -
utimensat 280 88; mknod 133 -; mknodat 259 33; name_to_handle_at 303 264
open_by_handle_at 304 265
# the system itself
mount 165 40; umount2 166 39; pivot_root 155 41; chroot 161 51; move_mount 429 429
open_tree 428 428; open_tree_attr 467 467; fsopen 430 430; fsconfig 431 431; fsmount 432 432
fspick 433 433; mount_setattr 442 442; unshare 272 97; setns 308 268; bpf 321 280
perf_event_open 298 241; userfaultfd 323 282; keyctl 250 219; add_key 248 217; request_key 249 218
init_module 175 105; finit_module 313 273; delete_module 176 106; kexec_load 246 104
kexec_file_load 320 294; reboot 169 142; swapon 167 224; swapoff 168 225; acct 163 89
quotactl 179 60; quotactl_fd 443 443; settimeofday 164 170; clock_settime 227 112
adjtimex 159 171; clock_adjtime 305 266; sethostname 170 161; setdomainname 171 162
syslog 103 116; personality 135 92; iopl 172 -; ioperm 173 -
"""

#: Refused to a parser, but not to the process that forks one for each replay.
_OF_THE_SERVER = frozenset(("fork", "vfork", "setpgid"))

#: All that the strict filter allows whatever the arguments; numbers as above.
_ALLOWED = """
# memory
brk 12 214; mmap 9 222; munmap 11 215; mremap 25 216; mprotect 10 226; madvise 28 233
# files that Landlock shows, and what is open
open 2 -; openat 257 56; openat2 437 437; close 3 57; close_range 436 436; read 0 63; pread64 17 67
readv 19 65; preadv 295 69; lseek 8 62; write 1 64; writev 20 66; stat 4 -; fstat 5 80; lstat 6 -
newfstatat 262 79; statx 332 291; access 21 -; faccessat 269 48; faccessat2 439 439; readlink 89 -
readlinkat 267 78; getdents64 217 61; getcwd 79 17; dup 32 23; dup2 33 -; dup3 292 24
# the answer to the host
sendto 44 206; recvfrom 45 207; shutdown 48 210; poll 7 -; ppoll 271 73; select 23 -
pselect6 270 72
# threads and their signals
futex 202 98; futex_waitv 449 449; set_robust_list 273 99; rseq 334 293; set_tid_address 218 96
gettid 186 178; sched_yield 24 124; sched_getaffinity 204 123; sched_getscheduler 145 120
sched_getparam 143 121; sched_get_priority_max 146 125; sched_get_priority_min 147 126
membarrier 324 283; getcpu 309 168; rt_sigaction 13 134; rt_sigprocmask 14 135; rt_sigreturn 15 139
sigaltstack 131 132; restart_syscall 219 128; exit 60 93; exit_group 231 94; arch_prctl 158 -
# clocks, chance, and facts about this process and system
clock_gettime 228 113; clock_getres 229 114; clock_nanosleep 230 115; nanosleep 35 101; time 201 -
gettimeofday 96 169; getrandom 318 278; getpid 39 172; getppid 110 173; getuid 102 174
getgid 104 176; geteuid 107 175; getegid 108 177; getrlimit 97 163; setrlimit 160 164
getrusage 98 165; times 100 153; uname 63 160; sysinfo 99 179; umask 95 166
"""

#: Allowed for this process only, which the first argument must name.
_OWN_ONLY = """
kill 62 129; tgkill 234 131; prlimit64 302 261; sched_setaffinity 203 122
sched_setscheduler 144 119; sched_setparam 142 118
"""
#: Of those, the ones for which 0 means a group of processes and not the caller.
_ZERO_IS_A_GROUP = frozenset({"kill", "tgkill"})

_CLONE, _CLONE3, _SOCKETPAIR = (56, 220), (435, 435), (53, 199)
_FCNTL, _IOCTL, _PRCTL = (72, 25), (16, 29), (157, 167)

# Classic BPF, as linux/bpf_common.h has it.
_LOAD, _AND, _RETURN = 0x20, 0x54, 0x06
_IF_EQUAL, _IF_AT_LEAST, _IF_ANY_BIT = 0x15, 0x35, 0x45
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_NUMBER_AT, _ARCH_AT, _ARGUMENTS_AT = 0, 4, 16

#: Stands for the number of the process that installs a filter; no process has it.
_OWN_PID = 0x7FFFFFFE

Instruction = tuple[int, int, int, int]


class SeccompUnavailable(Exception):
    """This system offers no filter that we know how to write."""


class _SockFilter(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_uint16),
        ("jt", ctypes.c_uint8),
        ("jf", ctypes.c_uint8),
        ("k", ctypes.c_uint32),
    )


class _SockFprog(ctypes.Structure):
    _fields_ = (("len", ctypes.c_uint16), ("filter", ctypes.POINTER(_SockFilter)))


def why_no_seccomp() -> str:
    """What keeps this system from filtering system calls; empty when nothing does."""
    if sys.platform != "linux":
        return f"{sys.platform} has no seccomp"
    machine = _MACHINES.get(platform.machine())
    if machine is None:
        return f"no table of system calls for {platform.machine()}"
    action = ctypes.c_uint32(_ERRNO)
    libc = ctypes.CDLL(None, use_errno=True)
    get_action_avail = 2
    if libc.syscall(machine.seccomp_call, get_action_avail, 0, ctypes.byref(action)):
        return f"the kernel refuses seccomp: {os.strerror(ctypes.get_errno()).lower()}"
    return ""


class CallFilter:
    """A filter that is made once, and then installed by many processes.

    ``may_fork`` is for the process that forks parsers, ``strict`` for the list of allowed calls.
    """

    def __init__(self, *, may_fork: bool = False, strict: bool = False) -> None:
        self._unavailable = why_no_seccomp()
        machine = _MACHINES.get(platform.machine(), _MACHINES["x86_64"])
        program = list(_program(machine, strict=strict, may_fork=may_fork))
        self._own_pid_at = [at for at, line in enumerate(program) if line[3] == _OWN_PID]
        self._lines = (_SockFilter * len(program))(*(_SockFilter(*line) for line in program))

    def install(self) -> None:
        """Hold this thread and all that it starts, for good, besides the filters that are there.

        Raises `SeccompUnavailable` with the reason.
        """
        if self._unavailable:
            raise SeccompUnavailable(self._unavailable)
        for at in self._own_pid_at:
            self._lines[at].k = os.getpid()
        libc = ctypes.CDLL(None, use_errno=True)
        set_up = _SockFprog(len(self._lines), self._lines)
        if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(
            _PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(set_up), 0, 0
        ):
            text = os.strerror(ctypes.get_errno()).lower()
            raise SeccompUnavailable(f"the kernel refuses the filter: {text}")


def _program(machine: _Machine, *, strict: bool, may_fork: bool) -> Iterator[Instruction]:
    column = machine.column
    yield _LOAD, 0, 0, _ARCH_AT
    yield _IF_EQUAL, 1, 0, machine.audit_arch
    yield _refuse()
    yield _LOAD, 0, 0, _NUMBER_AT
    if machine.foreign_from:
        yield _IF_AT_LEAST, 0, 1, machine.foreign_from
        yield _refuse()
    # glibc then asks for threads with clone(), whose flags a filter can read.
    yield from _when(_CLONE3[column], [_refuse(errno.ENOSYS)])
    if not may_fork:
        yield from _when(_CLONE[column], _threads_only())
    for name, number in _numbers(_OWN_ONLY, column).items():
        if not (may_fork and name in _ZERO_IS_A_GROUP):
            yield from _when(number, _of_process(name not in _ZERO_IS_A_GROUP))
    yield from _when(_FCNTL[column], _without(1, _SIGNAL_COMMANDS))
    if strict:
        yield from _when(_PRCTL[column], _with(0, _NAMING_COMMANDS))
        yield from _when(_IOCTL[column], _with(1, _READER_COMMANDS))
        for number in _numbers(_ALLOWED, column).values():
            yield from _when(number, [(_RETURN, 0, 0, _ALLOW)])
        yield _IF_AT_LEAST, 0, 1, _FIRST_UNKNOWN
        yield _refuse(errno.ENOSYS)
        yield _refuse()
        return
    if not may_fork:
        yield from _when(_PRCTL[column], _without(0, (_PR_SET_PDEATHSIG,)))
    yield from _when(_IOCTL[column], _without(1, _OWNER_COMMANDS))
    yield from _when(_SOCKETPAIR[column], _streams_only())
    for name, number in _numbers(_REFUSED, column).items():
        if not (may_fork and name in _OF_THE_SERVER):
            yield from _when(number, [_refuse()])
    yield _RETURN, 0, 0, _ALLOW


def _numbers(table: str, column: int) -> dict[str, int]:
    lines = [line for line in table.split("\n") if not line.startswith("#")]
    calls = [call.split() for call in "; ".join(filter(None, lines)).split(";")]
    return {name: int(numbers[column]) for name, *numbers in calls if numbers[column] != "-"}


def _when(number: int, body: list[Instruction]) -> Iterator[Instruction]:
    """``body`` for this call only; it ends with a verdict."""
    yield _IF_EQUAL, 0, len(body), number
    yield from body


def _threads_only() -> list[Instruction]:
    return [
        _argument(0),
        (_IF_ANY_BIT, 1, 0, _CLONE_THREAD),
        _refuse(),
        (_RETURN, 0, 0, _ALLOW),
    ]


def _streams_only() -> list[Instruction]:
    """A datagram socket of a pair could still send to any address."""
    return [
        _argument(1),
        (_AND, 0, 0, _SOCK_TYPES),
        (_IF_EQUAL, 1, 0, _SOCK_STREAM),
        _refuse(),
        (_RETURN, 0, 0, _ALLOW),
    ]


def _without(place: int, values: tuple[int, ...]) -> list[Instruction]:
    """Allowed unless this argument has one of these values."""
    checks = [(_IF_EQUAL, len(values) - nth, 0, value) for nth, value in enumerate(values)]
    return [_argument(place), *checks, (_RETURN, 0, 0, _ALLOW), _refuse()]


def _with(place: int, values: tuple[int, ...]) -> list[Instruction]:
    """Allowed only if this argument has one of these values."""
    checks = [(_IF_EQUAL, len(values) - nth, 0, value) for nth, value in enumerate(values)]
    return [_argument(place), *checks, _refuse(), (_RETURN, 0, 0, _ALLOW)]


def _of_process(zero_too: bool) -> list[Instruction]:
    either = [(_IF_EQUAL, 2, 0, 0)] if zero_too else []
    return [
        _argument(0),
        *either,
        (_IF_EQUAL, 1, 0, _OWN_PID),
        _refuse(),
        (_RETURN, 0, 0, _ALLOW),
    ]


def _argument(place: int) -> Instruction:
    """Load the low half of an argument; both processors are little-endian here.

    The kernel looks at no more of those that are judged here: a bit above leads around nothing.
    """
    return _LOAD, 0, 0, _ARGUMENTS_AT + 8 * place


def _refuse(code: int = errno.EPERM) -> Instruction:
    return _RETURN, 0, 0, _ERRNO | code
