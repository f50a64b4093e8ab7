"""The error that a person's input can cause; the command line prints it in one line."""

from __future__ import annotations


class UserError(ValueError):
    """Bad input by a person. The message says where, what was found and what was expected."""
