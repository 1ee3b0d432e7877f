"""Rich forms of objects, displays and their updates, figures."""

from __future__ import annotations

import unittest
from typing import Any, Dict, List, Tuple

from .kernel_case import KernelCase

OBJECT = "class A:\n    def __repr__(self): return 'plain'\n"


class FormsTest(KernelCase):
    """Which forms an object has."""

    def forms(self, body: str, value: str = "A()") -> Any:
        turn = self.kernel.run(OBJECT + body + "\n" + value)
        self.assertEqual(turn.status, "ok", turn.error)
        assert turn.result is not None
        return turn.result["data"]

    def test_methods_give_forms(self) -> None:
        table: List[Tuple[str, Dict[str, Any]]] = [
            ("    def _repr_html_(self): return '<b>'", {"text/html": "<b>"}),
            ("    def _repr_markdown_(self): return '*b*'", {"text/markdown": "*b*"}),
            ("    def _repr_latex_(self): return '$b$'", {"text/latex": "$b$"}),
            ("    def _repr_svg_(self): return '<svg/>'", {"image/svg+xml": "<svg/>"}),
            ("    def _repr_png_(self): return b'\\x89PNG'", {"image/png": "iVBORw=="}),
            ("    def _repr_png_(self): return 'iVBORw=='", {"image/png": "iVBORw=="}),
            ("    def _repr_jpeg_(self): return b'\\xff'", {"image/jpeg": "/w=="}),
            ("    def _repr_pdf_(self): return b'%'", {"application/pdf": "JQ=="}),
            ("    def _repr_json_(self): return {'a': [1]}", {"application/json": {"a": [1]}}),
            ("    def _repr_javascript_(self): return 'x'", {"application/javascript": "x"}),
            ("    def _repr_html_(self): return None", {}),
            ("    def _repr_html_(self): raise NotImplementedError", {}),
            ("    _repr_html_ = None", {}),
            ("    def __getattr__(self, name): return lambda *a, **k: 'anything'", {}),
            (
                "    def _repr_mimebundle_(self, include=None, exclude=None):\n"
                "        return {'text/x-own': 'own', 5: 'no', '': 'no'}",
                {"text/x-own": "own"},
            ),
            (
                "    def _repr_mimebundle_(self, **k): return {'text/html': 'first'}\n"
                "    def _repr_html_(self): return 'second'",
                {"text/html": "first"},
            ),
        ]
        for body, expected in table:
            self.assertEqual(self.forms(body), {"text/plain": "plain", **expected}, body)

    def test_forms_that_cannot_be_sent(self) -> None:
        table = [
            ("    def _repr_html_(self): return 5", "is neither text nor bytes but int"),
            (
                "    def _repr_json_(self): return float('nan')",
                "a number that JSON has no form for",
            ),
            ("    def _repr_json_(self): return object()", "holds object, which is not JSON"),
            (
                "    def _repr_json_(self):\n        x = []\n        x.append(x)\n        return x",
                "nested more than 64 levels deep",
            ),
        ]
        for body, note in table:
            data = self.forms(body)
            self.assertEqual(list(data), ["text/plain"], body)
            self.assertIn(note, data["text/plain"])

    def test_a_method_that_fails_costs_its_form_only(self) -> None:
        turn = self.kernel.run(OBJECT + "    def _repr_html_(self): 1/0\nA()")
        self.assertEqual((turn.status, turn.text), ("ok", "plain"))
        self.assertIn("_repr_html_ failed", turn.stderr)
        self.assertIn("ZeroDivisionError", turn.stderr)

    def test_a_repr_that_fails_is_the_error_of_the_cell(self) -> None:
        turn = self.kernel.run("class A:\n    def __repr__(self): 1/0\nA()")
        self.assertEqual((turn.error_name, turn.result), ("ZeroDivisionError", None))

    def test_metadata(self) -> None:
        turn = self.kernel.run(OBJECT + "    def _repr_png_(self): return b'', {'width': 5}\nA()")
        assert turn.result is not None
        self.assertEqual(turn.result["metadata"], {"image/png": {"width": 5}})

    def test_an_object_may_show_itself(self) -> None:
        turn = self.kernel.run(OBJECT + "    def _ipython_display_(self): print('mine')\nA()")
        self.assertEqual((turn.result, turn.stdout), (None, "mine\n"))

    def test_classes_are_not_their_objects(self) -> None:
        self.assertIn("class", str(self.forms("    def _repr_html_(self): return ''", "A")))

    def test_texts_of_containers(self) -> None:
        table = [
            ("[1, 2]", "[1, 2]"),
            ("{'b': 1, 'a': 2}", "{'b': 1, 'a': 2}"),
            ("list(range(40))", "[0,\n 1,\n 2,\n"),
            ("list(range(5000))", "... and 4000 more"),
            ("{i: i for i in range(5000)}", "... and 4000 more"),
            ("x = []\nx.append(x)\nx", "[[...]]"),
        ]
        for code, expected in table:
            self.assertIn(expected, self.kernel.run(code).text)


class DisplayTest(KernelCase):
    """The function ``display`` and its kin."""

    def test_several_values_and_their_order(self) -> None:
        turn = self.kernel.run("display(1, 'a')\n2")
        shown = [each["data"]["text/plain"] for each in turn.displays]
        self.assertEqual((shown, turn.text), (["1", "'a'"], "2"))

    def test_handles(self) -> None:
        turn = self.kernel.run("h = display(1, display_id=True)\nh.update(2)\nh.display_id")
        first, second = turn.displays
        self.assertEqual(first["display_id"], second["display_id"])
        self.assertEqual((first["update"], second["update"]), (False, True))
        self.assertEqual(turn.text, repr(first["display_id"]))

    def test_raw_and_metadata(self) -> None:
        turn = self.kernel.run("display({'text/html': '<b>'}, raw=True, metadata={'a': 1})")
        [shown] = turn.displays
        self.assertEqual((shown["data"], shown["metadata"]), ({"text/html": "<b>"}, {"a": 1}))

    def test_include_and_exclude(self) -> None:
        code = OBJECT + "    def _repr_html_(self): return 'h'\n"
        for option, left in (("include", "text/html"), ("exclude", "text/plain")):
            turn = self.kernel.run(code + "display(A(), %s=['text/html'])" % option)
            self.assertEqual(list(turn.displays[0]["data"]), [left])

    def test_the_stand_in_for_ipython(self) -> None:
        code = (
            "from IPython.display import *\nimport IPython\nfrom IPython import get_ipython\n"
            "display(HTML('h'), Markdown('m'), SVG('<svg/>'), JSON({'a': 1}), Latex('l'),\n"
            "        Image(data=b'\\xff\\xd8\\xff', width=5))\nget_ipython() is None"
        )
        turn = self.kernel.run(code)
        self.assertEqual(turn.text, "True")
        kinds = [[mime for mime in each["data"] if mime != "text/plain"] for each in turn.displays]
        expected = [
            ["text/html"],
            ["text/markdown"],
            ["image/svg+xml"],
            ["application/json"],
            ["text/latex"],
            ["image/jpeg"],
        ]
        self.assertEqual(kinds, expected)
        self.assertEqual(turn.displays[-1]["metadata"], {"image/jpeg": {"width": 5}})

    def test_many_displays_arrive_whole(self) -> None:
        turn = self.kernel.run("for i in range(3000): display(i)")
        texts = [each["data"]["text/plain"] for each in turn.displays]
        self.assertEqual(texts, [str(i) for i in range(3000)])

    def test_displays_of_threads_arrive_whole(self) -> None:
        code = (
            "import threading\n"
            "def show(k):\n    for i in range(200): display((k, 'x' * 5000))\n"
            "threads = [threading.Thread(target=show, args=(k,)) for k in range(8)]\n"
            "for t in threads: t.start()\nfor t in threads: t.join()"
        )
        self.assertEqual(len(self.kernel.run(code).displays), 1600)


if __name__ == "__main__":
    unittest.main()
