"""The command line: parse, call, print, exit code. Only Click loads before a command runs."""

from antiphon.cli.program import main

__all__ = ["main"]
