# SPDX-License-Identifier: MIT
"""How a run can end."""

import enum


class Status(enum.IntEnum):
    """The exit statuses: a contract, documented in docs/sevc-run.md."""

    SUCCESS = 0
    USAGE = 2
    MISSING = 3
    FAILURE = 10
    VIOLATION = 11
    TERMINATED = 12
    TRIPLE_FAULT = 13
    TIMEOUT = 14
    ERROR = 15


class Refusal(Exception):
    """The run cannot start: a message for the user, and the status that says why."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


def check_number(option, value, low, high):
    """The monitor's range, checked before QEMU is started. value: None if the option is not given."""
    if value is not None and not low <= value <= high:
        raise Refusal(Status.USAGE, f"{option} {value}: give a number from {low} to {high}")
