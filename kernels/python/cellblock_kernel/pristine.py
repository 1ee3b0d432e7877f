"""The builtins as they were before user code ran, for the kernel alone.

Every module of the kernel begins with ``from .pristine import __builtins__``. Functions defined
after that line look their builtins up in this copy, so that user code may replace ``len``,
``print`` or ``Exception`` and break its own session only. Must never be handed to user code: a
namespace without builtins gets the real module, not this copy.
"""

from __future__ import annotations

import builtins
from typing import Any, Dict

__builtins__: Dict[str, Any] = dict(vars(builtins))  # type: ignore
