"""The zygote: an interpreter that waits to be forked, and what its children do until they serve.

The manager, our own program, is this process's parent. It says when to fork and hands over the
channels; the child is born in namespaces of its own, as the manager's child. Another process of
ours builds the child's mounts from outside and then sends a script of system calls, by which the
child takes away every right that it still has but one: only who it is for decides what it may write
to. That right goes when the child is handed over, before anything else. No user code has run here,
and none ever does.

The fork is a bare system call: neither the interpreter's hooks nor libc's run. There is one thread,
so no lock can be held by another, and what the hooks are for is done here by name: libc's note of
the thread's id, the one that ``threading`` keeps, and randomness. The hooks would cost a child more
than everything else together, in pages copied for nothing but reference counts.
"""

from __future__ import annotations

import binascii
import ctypes
import gc
import json
import mmap
import os
import socket
import struct
import sys
import threading
from typing import List, NoReturn, Tuple

from . import entry, randomness, stdio

# The most descriptors that come with one order to fork.
DESCRIPTORS_MAX = 240
# The most bytes of a script: a filter in hexadecimal digits, and a margin.
SCRIPT_BYTES_MAX = 1 << 20
# Above what user code is given, as long as it opens few files.
HIGH_FD = 200

STATUS_NOT_CONFINED = 71

# The beginning of a message that is a script.
SCRIPT = b"script\n"
# The beginning of the one that comes with being handed over; a letter follows for each descriptor.
SETTLE = b"s"

MAP_FIXED = 0x10
CLONE_PARENT = 0x8000
CLONE_PIDFD = 0x1000
CLONE_CHILD_SETTID = 0x01000000
CLONE_CHILD_CLEARTID = 0x00200000
PR_GET_TID_ADDRESS = 40
SYS_CLONE3 = 435
SYS_CLOSE_RANGE = 436

# Holds the interpreter's lock during a call: the child of a clone must have it.
_libc = ctypes.PyDLL(None, use_errno=True)
_syscall = _libc.syscall
_syscall.restype = ctypes.c_long
_syscall.argtypes = [ctypes.c_long] * 7
_address = ctypes.c_size_t
_mmap = _libc.mmap
_mmap.restype = _address
_mmap.argtypes = [_address, _address, *[ctypes.c_int] * 3, ctypes.c_long]


class _Tid:
    """Where libc notes the thread's id, which a clone has to renew; 0 if that is not known."""

    address = 0

    @classmethod
    def find(cls) -> None:
        address = ctypes.c_void_p()
        known = _libc.prctl(PR_GET_TID_ADDRESS, ctypes.byref(address), 0, 0, 0) == 0
        if known and address.value:
            if ctypes.c_int.from_address(address.value).value == os.getpid():
                cls.address = address.value


class _CloneArgs(ctypes.Structure):
    """``struct clone_args``."""

    _fields_ = [
        (name, ctypes.c_uint64)
        for name in (
            "flags pidfd child_tid parent_tid exit_signal stack stack_size tls "
            "set_tid set_tid_size cgroup"
        ).split()
    ]


def main() -> NoReturn:
    """Takes what to load, the socket's number and the namespaces from the command line."""
    preload, number, namespaces = sys.argv[-3:]
    manager = socket.socket(fileno=int(number))
    complaints = entry.prepare(json.loads(preload))
    if len(os.listdir("/proc/self/task")) != 1:
        # A fork has one thread, and whatever lock another held is held for ever.
        sys.exit("one of %s starts a thread when it is loaded" % preload)
    _Tid.find()
    _own_memory()
    _warm()
    manager.send("\n".join(["parked", *complaints]).encode("utf-8", "replace")[:4096])
    while True:
        order, descriptors, _, _ = socket.recv_fds(manager, SCRIPT_BYTES_MAX, DESCRIPTORS_MAX)
        if not order:
            os._exit(0)
        if order.startswith(SCRIPT):
            _Script.calls = _Script.parse(order[len(SCRIPT) :])
        else:
            _fork(manager, int(namespaces), descriptors)


def _own_memory() -> None:
    """Makes private what a module would share with children of its own: ours are strangers."""
    with open("/proc/self/smaps", encoding="ascii", errors="replace") as listing:
        lines = [line.split() for line in listing]
    place, access = "", ""
    for words in lines:
        if not words[0].endswith(":"):
            place, access = words[:2]
        elif words[0] == "VmFlags:" and "sh" in words:
            start, end = (int(edge, 16) for edge in place.split("-"))
            _make_private(start, end - start, access)


def _make_private(start: int, size: int, access: str) -> None:
    bits = zip("rwx", (mmap.PROT_READ, mmap.PROT_WRITE, mmap.PROT_EXEC))
    wanted = sum(bit for letter, bit in bits if letter in access)
    _done(_libc.mprotect(_address(start), _address(size), mmap.PROT_READ))
    content = ctypes.string_at(start, size)
    flags = MAP_FIXED | mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    writable = mmap.PROT_READ | mmap.PROT_WRITE
    _done(_mmap(start, size, writable, flags, -1, 0) - start)
    ctypes.memmove(start, content, size)
    _done(_libc.mprotect(_address(start), _address(size), wanted))


def _done(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), "memory that is shared cannot be made private")


def _warm() -> None:
    """Runs what children run, so that they find it loaded and touched."""
    _Script.parse(b"0 0 0 n1 b00 p00 d\n")
    gc.collect()
    gc.freeze()


def _fork(manager: socket.socket, namespaces: int, descriptors: List[int]) -> None:
    """Forks, and tells the manager the child's number with a descriptor of it."""
    pidfd = ctypes.c_int(-1)
    pid = _clone(namespaces, pidfd)
    if pid == 0:
        _live(manager, descriptors)
    error = ctypes.get_errno()
    for descriptor in descriptors:
        os.close(descriptor)
    if pid < 0:
        manager.send(struct.pack("<i", -error))
        return
    socket.send_fds(manager, [struct.pack("<i", pid)], [pidfd.value])
    os.close(pidfd.value)


def _clone(namespaces: int, pidfd: ctypes.c_int) -> int:
    arguments = _CloneArgs()
    arguments.flags = namespaces | CLONE_PARENT | CLONE_PIDFD
    arguments.pidfd = ctypes.addressof(pidfd)
    if _Tid.address:
        # As libc's own fork does it.
        arguments.flags |= CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID
        arguments.child_tid = _Tid.address
    place, size = ctypes.addressof(arguments), ctypes.sizeof(arguments)
    return int(_syscall(SYS_CLONE3, place, size, 0, 0, 0, 0))


def _live(manager: socket.socket, descriptors: List[int]) -> NoReturn:
    """The child, to its end."""
    try:
        setup, control = _take_place(manager, descriptors)
        channel = socket.socket(fileno=setup)
        _confine(channel)
        _replace_stdin()
        gc.enable()
        randomness.reseed()
        threading.main_thread()._set_native_id()  # type: ignore[attr-defined]
    except BaseException:
        # Whoever set it up learns that it is gone, and user code never runs.
        os._exit(STATUS_NOT_CONFINED)
    entry.serve(control, first=lambda: _settle(channel))


def _take_place(manager: socket.socket, descriptors: List[int]) -> Tuple[int, int]:
    """Joins the cgroups and takes the channels; everything else is closed."""
    setup, control, stdout, stderr, *cgroups = descriptors
    for cgroup in cgroups:
        # "0" means whoever writes it.
        os.write(cgroup, b"0")
    # The builder moves us to the new root from here; a directory of the zygote's would stay.
    os.chdir("/")
    os.setsid()
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    os.dup2(setup, HIGH_FD, inheritable=False)
    os.dup2(control, HIGH_FD + 1, inheritable=False)
    manager.detach()
    _close_range(3, HIGH_FD - 1)
    _close_range(HIGH_FD + 2, (1 << 31) - 1)
    return HIGH_FD, HIGH_FD + 1


def _replace_stdin() -> None:
    """Lets go of the last file of the zygote's."""
    null = os.open("/dev/null", os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)


def _close_range(first: int, last: int) -> None:
    if _syscall(SYS_CLOSE_RANGE, first, last, 0, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "close_range")


def _confine(channel: socket.socket) -> None:
    """Follows the script but for what waits for its descriptor, and says what came of it."""
    if not channel.recv(16):
        raise EOFError
    _follow(channel, False)


def _settle(channel: socket.socket) -> None:
    """Takes what comes with being handed over, and gives away the last right."""
    order, descriptors, _, _ = socket.recv_fds(channel, 16, 2)
    letters = order[1:].decode("ascii")
    if order[:1] != SETTLE or len(letters) != len(descriptors):
        raise EOFError
    given = dict(zip(letters, descriptors))
    if "i" in given:
        stdio.take_input(given.pop("i"))
    _follow(channel, True, *given.values())
    for descriptor in given.values():
        os.close(descriptor)
    channel.close()


def _follow(channel: socket.socket, is_last: bool, descriptor: int = -1) -> None:
    """Makes the calls that are due, and says which of them failed."""
    weakened = b""
    for number, call in enumerate(_Script.calls):
        error = call.make(descriptor) if bool(call.descriptor) == is_last else 0
        if error == 0:
            continue
        record = struct.pack("<Hi", number, error)
        if not call.may_fail:
            channel.send(b"\1" + record)
            raise OSError(error, "confinement")
        weakened += record
    channel.send(b"\0" + weakened)


class _Script:
    """The script that children follow: the same for all, until another one comes."""

    calls: List[_Call] = []
    # What the addresses among its arguments lead to.
    memory = ctypes.create_string_buffer(SCRIPT_BYTES_MAX)
    used = 0

    @classmethod
    def parse(cls, text: bytes) -> List[_Call]:
        """Reads a script, each line a call."""
        cls.used = 0
        return [_Call(line) for line in text.splitlines()]

    @classmethod
    def keep(cls, data: bytes) -> int:
        """Keeps bytes; their address."""
        start, end = cls.used, cls.used + len(data)
        if end > SCRIPT_BYTES_MAX:
            raise ValueError("the script is too long")
        cls.memory[start:end] = data
        # Aligned for whatever it is.
        cls.used = (end + 7) & ~7
        return ctypes.addressof(cls.memory) + start


class _Call:
    """One system call of a script."""

    __slots__ = ("descriptor", "may_fail", "tolerated", "words")

    def __init__(self, line: bytes) -> None:
        number, tolerated, may_fail, *arguments = line.split(b" ")
        self.tolerated = int(tolerated)
        self.may_fail = may_fail == b"1"
        # Where the descriptor goes that comes later; 0 is the call's own number.
        self.descriptor = arguments.index(b"d") + 1 if b"d" in arguments else 0
        words = [int(number)] + [_word(each) for each in arguments]
        self.words = words + [0] * (7 - len(words))

    def make(self, descriptor: int) -> int:
        """Makes it; the error's number, or 0."""
        words = self.words
        if self.descriptor:
            words[self.descriptor] = descriptor
        if _syscall(*words) != -1:
            return 0
        error = ctypes.get_errno()
        return 0 if error == self.tolerated else error


def _word(text: bytes) -> int:
    kind = text[:1]
    if kind == b"n":
        number = int(text[1:])
        return number if number < 1 << 63 else number - (1 << 64)
    if kind == b"d":
        return -1
    data = binascii.unhexlify(text[1:])
    place = _Script.keep(data)
    if kind == b"p":
        # struct sock_fprog: the number of instructions, and where they are
        return _Script.keep(struct.pack("@HP", len(data) // 8, place))
    return place
