"""The program under test."""

import os
from pathlib import Path

import pytest

# These tests ask more often than a tenant may.
SETTINGS = {"CELLBLOCK_TENANT_RUNS_PER_MINUTE": "1000000"}
REQUIRE_ALL = "CELLBLOCK_TEST_REQUIRE_ALL"


def binary() -> str:
    named = os.environ.get("CELLBLOCK_BIN")
    if named:
        return os.path.abspath(named) if os.sep in named else named
    if os.environ.get(REQUIRE_ALL) == "1":
        pytest.fail("CELLBLOCK_BIN is not set")
    pytest.skip("CELLBLOCK_BIN is not set")


def stdio_command(state: Path, *flags: str) -> list[str]:
    return [binary(), "mcp", "--state-dir", str(state), *flags]
