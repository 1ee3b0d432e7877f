"""Runs a kernel in this plain process: ``python -I -B -m cellblock_kernel --control FD``."""

from __future__ import annotations

import argparse

from .entry import serve


def main() -> None:
    """Reads the arguments and serves."""
    parser = argparse.ArgumentParser(prog="cellblock_kernel")
    parser.add_argument("--control", type=int, required=True, help="descriptor of the socket")
    serve(parser.parse_args().control)


if __name__ == "__main__":
    main()
