"""An object's forms: a bundle of MIME types made of what the object offers.

The protocol is IPython's, so that libraries need not know us: ``_repr_mimebundle_``,
``_repr_html_`` and its kin, and ``repr`` for the plain text. An object's method that fails costs
that form only; a ``repr`` that fails is the cell's exception, as at Python's own prompt.
"""

from __future__ import annotations

import base64
import itertools
import json
import pprint
from typing import Any, Callable, Dict, List, Optional, Tuple

from . import stdio
from .exceptions import text_of
from .pristine import __builtins__

# One form of one object. A longer one would not fit into a frame with the others.
FORM_CHARS_MAX = 8 << 20
# Forms of one object.
FORMS_MAX = 32
MIME_CHARS_MAX = 128
# Elements of a container that its text shows.
ELEMENTS_SHOWN = 1000
# The host's decoder takes 128 levels.
JSON_DEPTH_MAX = 64
# The host's decoder takes what fits a double; a number that does not would cost the kernel.
JSON_NUMBER_BITS_MAX = 1000
# The host takes 262,144 values in one turn, and gives up on a kernel that sends more.
JSON_VALUES_MAX = 100_000
TEXT_WIDTH = 80

Bundle = Dict[str, Any]
Forms = Tuple[Bundle, Bundle]

METHODS: List[Tuple[str, str]] = [
    ("text/html", "_repr_html_"),
    ("text/markdown", "_repr_markdown_"),
    ("text/latex", "_repr_latex_"),
    ("image/svg+xml", "_repr_svg_"),
    ("image/png", "_repr_png_"),
    ("image/jpeg", "_repr_jpeg_"),
    ("application/json", "_repr_json_"),
    ("application/pdf", "_repr_pdf_"),
    ("application/javascript", "_repr_javascript_"),
]

# Values that have a text and nothing else.
_PLAIN = frozenset(
    {int, float, complex, bool, str, bytes, bytearray, list, tuple, dict, set, frozenset, range}
)
_CONTAINERS = frozenset({list, tuple, dict, set, frozenset})
_CANARY = "_ipython_canary_method_should_not_exist_"
_b64encode = base64.b64encode
_type = type
_bit_length = int.bit_length
_plain_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode

# Forms that a library cannot give by itself: by module and name of the class, so that no library
# is imported for it.
Extra = Callable[[Any], Optional[Bundle]]
_extras: Dict[Tuple[str, str], Extra] = {}


def register(module: str, name: str, extra: Extra) -> None:
    """Adds forms to instances of a class that may never be imported."""
    _extras[(module, name)] = extra


def forms_of(value: Any) -> Forms:
    """The bundle of an object and its metadata."""
    if _type(value) in _PLAIN:
        return {"text/plain": bounded(text_form(value))}, {}
    data: Bundle = {}
    metadata: Bundle = {}
    _add_bundle(value, data, metadata)
    for mime, name in METHODS:
        if mime not in data:
            _add_method(value, mime, name, data, metadata)
    for extra in _extras_of(value):
        data.update(extra(value) or {})
    if "text/plain" not in data:
        data = {"text/plain": text_form(value), **data}
    return clean(data), metadata_of(metadata)


def _extras_of(value: Any) -> List[Extra]:
    if not _extras:
        return []
    keys = ((each.__module__, each.__name__) for each in _type(value).__mro__)
    return [_extras[key] for key in keys if key in _extras]


def method_of(value: Any, name: str) -> Optional[Callable[..., Any]]:
    """A method that the object really has, not one that it makes up for any name."""
    if isinstance(value, _type):
        return None
    try:
        if getattr(value, _CANARY, None) is not None:
            return None
        method = getattr(value, name, None)
    except Exception:
        return None
    return method if callable(method) else None


def _call(method: Callable[..., Any], name: str, **options: Any) -> Any:
    try:
        return method(**options)
    except NotImplementedError:
        return None
    except Exception as problem:
        stdio.complain("%s failed:\n%s" % (name, text_of(problem)))
        return None


def _add_bundle(value: Any, data: Bundle, metadata: Bundle) -> None:
    method = method_of(value, "_repr_mimebundle_")
    if method is None:
        return
    made = _call(method, "_repr_mimebundle_", include=None, exclude=None)
    extra: Any = {}
    if isinstance(made, tuple) and len(made) == 2:
        made, extra = made
    if isinstance(made, dict):
        data.update(made)
    if isinstance(extra, dict):
        metadata.update(extra)


def _add_method(value: Any, mime: str, name: str, data: Bundle, metadata: Bundle) -> None:
    method = method_of(value, name)
    if method is None:
        return
    made = _call(method, name)
    if isinstance(made, tuple) and len(made) == 2:
        made, extra = made
        metadata[mime] = extra
    if made is not None:
        data[mime] = made


def text_form(value: Any) -> str:
    """The plain text: ``repr``, over several lines where a container is long."""
    if _type(value) not in _CONTAINERS:
        return repr(value)
    shortened, left_out = _shorten(value)
    text = repr(shortened)
    if len(text) >= TEXT_WIDTH and len(text) < FORM_CHARS_MAX:
        text = pprint.pformat(shortened, width=TEXT_WIDTH, compact=False, sort_dicts=False)
    if left_out:
        text += "\n... and %d more" % left_out
    return text


def _shorten(value: Any) -> Tuple[Any, int]:
    left_out = len(value) - ELEMENTS_SHOWN
    if left_out <= 0:
        return value, 0
    kind = _type(value)
    items = value.items() if kind is dict else value
    return kind(itertools.islice(items, ELEMENTS_SHOWN)), left_out


def bounded(text: str) -> str:
    """A text that fits, or a note in its place."""
    return text if len(text) <= FORM_CHARS_MAX else _note("text/plain", len(text))


def _note(mime: str, size: int) -> str:
    return "<%s of %d characters left out: at most %d are shown>" % (mime, size, FORM_CHARS_MAX)


def clean(data: Bundle) -> Bundle:
    """What may be sent of a bundle: known types of values, within bounds."""
    sent: Bundle = {}
    notes: List[str] = []
    for mime, made in itertools.islice(data.items(), FORMS_MAX):
        if _type(mime) is not str or not 0 < len(mime) <= MIME_CHARS_MAX:
            continue
        try:
            form = json_form(made) if _is_json(mime) else text_or_base64(made)
        except (ValueError, TypeError, RecursionError) as problem:
            notes.append("<%s left out: %s>" % (mime, problem))
            continue
        text = form if _type(form) is str else _plain_json(form)
        if len(text) > FORM_CHARS_MAX:
            notes.append(_note(mime, len(text)))
        elif text is not form and _values_at_most(text) > JSON_VALUES_MAX:
            notes.append("<%s left out: holds too many values>" % mime)
        else:
            sent[mime] = form
    if notes:
        plain = [sent["text/plain"]] if "text/plain" in sent else []
        sent["text/plain"] = bounded("\n".join(plain + notes))
    return sent


def _values_at_most(text: str) -> int:
    return sum(text.count(mark) for mark in ",[{")


def _is_json(mime: str) -> bool:
    return mime == "application/json" or mime.endswith("+json")


def text_or_base64(made: Any) -> str:
    """A form as a string: text as it is, bytes in base64."""
    if isinstance(made, str):
        return str.__str__(made)
    if isinstance(made, (bytes, bytearray, memoryview)):
        return _b64encode(bytes(made)).decode("ascii")
    if isinstance(made, (list, tuple)):
        # Notebook files hold a text as a list of its lines.
        return "".join(text_or_base64(each) for each in made)
    raise TypeError("is neither text nor bytes but %s" % _type(made).__name__)


def json_form(value: Any, depth: int = 0) -> Any:
    """A copy of a value that is JSON and not too deep; refuses anything else."""
    if depth > JSON_DEPTH_MAX:
        raise ValueError("is nested more than %d levels deep" % JSON_DEPTH_MAX)
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        if _bit_length(value) > JSON_NUMBER_BITS_MAX:
            raise ValueError("holds a number that is too large for readers of JSON")
        return value
    if isinstance(value, float):
        if value - value != 0:
            raise ValueError("holds a number that JSON has no form for")
        return value
    if isinstance(value, dict):
        return {str(key): json_form(each, depth + 1) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_form(each, depth + 1) for each in value]
    raise TypeError("holds %s, which is not JSON" % _type(value).__name__)


def metadata_of(metadata: Any) -> Bundle:
    """Metadata as JSON, or none."""
    if not metadata or not isinstance(metadata, dict):
        return {}
    try:
        made: Bundle = json_form(metadata)
        if len(_plain_json(made)) > FORM_CHARS_MAX:
            return {}
        return made
    except (ValueError, TypeError, RecursionError):
        return {}
