"""Runs a kernel in this plain process: ``python -I -B -m cellblock_kernel --control FD``."""

from __future__ import annotations

import argparse

from .entry import serve


def main() -> None:
    """Reads the arguments and serves."""
    parser = argparse.ArgumentParser(prog="cellblock_kernel")
    parser.add_argument("--control", type=int, required=True, help="descriptor of the socket")
    parser.add_argument("--no-ipython", action="store_true", help="do not use IPython")
    arguments = parser.parse_args()
    serve(arguments.control, ipython=not arguments.no_ipython)


if __name__ == "__main__":
    main()
