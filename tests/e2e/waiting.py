"""Waiting for what happens, never for time to pass: a machine may be as slow or as fast as it is."""

import os
import signal
import time

import grpc


# Seconds for what has to happen, on however busy a machine: only what never happens takes as long.
PATIENCE = 240


def wait_for(condition, seconds=PATIENCE):
    """The first true value of `condition`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def processor_seconds(process):
    """What a process has computed so far."""
    with open(f"/proc/{process.pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wait_for_work(process, seconds, since=0.0, has_ended=lambda: False):
    """Until the process has computed for so long, however long that takes, or has nothing to do."""
    wait_for(lambda: has_ended() or processor_seconds(process) - since >= seconds)


def answered_before_its_deadline(call, seconds=3, most=96):
    """What `call(timeout)` is answered with the shortest deadline, from `seconds` on, that gives the
    machine, as busy as it is, the time to find something and to bring it back. The error of the
    longest where none does: of what is not answered before its deadline by itself."""
    while True:
        try:
            return call(seconds)
        except grpc.RpcError as error:
            late = error.code() in (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED)
            if not late or seconds >= most:
                raise
            seconds *= 2


def wait_until_taken(process, number=signal.SIGINT):
    """Until a signal that was sent to the process is no longer pending."""

    def is_taken():
        with open(f"/proc/{process.pid}/status") as file:
            pending = [int(line.split()[1], 16) for line in file
                       if line.startswith(("SigPnd", "ShdPnd"))]
        return not any(mask >> (number - 1) & 1 for mask in pending)

    wait_for(is_taken)
