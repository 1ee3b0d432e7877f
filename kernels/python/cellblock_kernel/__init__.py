"""The guest side of Cellblock's Python kernel. Standard library only.

A zygote calls ``entry.prepare`` before it forks; its child calls ``randomness.reseed`` and then
``entry.serve``.
"""

from __future__ import annotations
