"""The filters of both processors, run as the kernel runs them: by their instructions alone.

A machine has one processor, whose filter tests/hostile tries on real calls; here stand numbers of
calls as the kernel's own tables have them (syscall_64.tbl, asm-generic/unistd.h).
"""

from __future__ import annotations

import errno
from collections.abc import Sequence

import pytest

from parsekit.parsers.isolation.seccomp import _MACHINES, Instruction, _program

AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ALLOWED, REFUSED, UNKNOWN = 0x7FFF0000, 0x50000 | errno.EPERM, 0x50000 | errno.ENOSYS
#: What a parser needs, and what it must not have: numbers on x86_64 and on aarch64.
NEEDED = {"read": (0, 63), "openat": (257, 56), "mmap": (9, 222), "futex": (202, 98)}
FORBIDDEN = {
    "socket": (41, 198),
    "connect": (42, 203),
    "execve": (59, 221),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "inotify_init1": (294, 26),
    "fanotify_init": (300, 262),
    "bpf": (321, 280),
    "fchmodat": (268, 53),
    "io_uring_setup": (425, 425),
}
CLONE, CLONE_THREAD = (56, 220), 0x10000


def verdict(program: Sequence[Instruction], machine: str, number: int, first: int = 0) -> int:
    """What the kernel does with a call: classic BPF over the words of `struct seccomp_data`."""
    words = {0: number, 4: AUDIT_ARCH[machine], 16: first}
    at = value = 0
    while True:
        code, if_true, if_false, constant = program[at]
        at += 1
        match code:
            case 0x20:
                value = words.get(constant, 0)
            case 0x54:
                value &= constant
            case 0x06:
                return constant
            case 0x15:
                at += if_true if value == constant else if_false
            case 0x35:
                at += if_true if value >= constant else if_false
            case 0x45:
                at += if_true if value & constant else if_false
            case _:
                raise AssertionError(f"no instruction {code:#x}")


@pytest.mark.parametrize("strict", [True, False], ids=["strict", "standard"])
@pytest.mark.parametrize(("column", "machine"), list(enumerate(AUDIT_ARCH)))
def test_a_parser_reads_and_reaches_nothing(column: int, machine: str, strict: bool) -> None:
    program = list(_program(_MACHINES[machine], strict=strict, may_fork=False))
    for name, numbers in NEEDED.items():
        assert verdict(program, machine, numbers[column]) == ALLOWED, name
    for name, numbers in FORBIDDEN.items():
        assert verdict(program, machine, numbers[column]) == REFUSED, name
    assert verdict(program, machine, CLONE[column]) == REFUSED
    assert verdict(program, machine, CLONE[column], CLONE_THREAD) == ALLOWED
    other = next(name for name in AUDIT_ARCH if name != machine)
    assert verdict(program, other, NEEDED["read"][column]) == REFUSED


@pytest.mark.parametrize("machine", AUDIT_ARCH)
def test_the_list_of_allowed_calls_refuses_those_of_a_newer_kernel(machine: str) -> None:
    program = list(_program(_MACHINES[machine], strict=True, may_fork=False))
    assert {verdict(program, machine, number) for number in range(470, 600)} == {UNKNOWN}
