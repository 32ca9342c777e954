"""Errors that a user can do something about."""


class ExportError(Exception):
    """Says what is wrong, where, and what to do; printed without a traceback."""


def first_line(error: Exception) -> str:
    """What another library's error says, without the traces that some put into their messages."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
