"""Whatever the board refuses, it refuses in Chinese as well."""

import ast
import itertools
import pathlib

import pytest

import tapegrad.board
from tapegrad.board.chinese import _TEXTS, in_chinese

RAISED = {"Refusal": 3, "_Refused": 2, "ArgumentError": 2, "DataError": 2, "_told": 3}
# Sentences that are made elsewhere, and reasons that a command line alone is told.
ELSEWHERE = {"error.detail", "error.what", "error.fix", "body", "error['what']", "error['fix']", "_whole(error)"}
COMMAND_LINE = {"server.py"}


class Sentences(ast.NodeVisitor):
    """The sentences of all errors that a file makes: what is wrong, and what to do."""

    def __init__(self):
        self.found, self.unclear = [], []
        self._function: ast.AST | None = None

    def visit_FunctionDef(self, node):
        before, self._function = self._function, self._function or node
        self.generic_visit(node)
        self._function = before

    def visit_Call(self, node):
        self.generic_visit(node)
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        for argument in node.args[RAISED[name] - 1 :][:2] if name in RAISED else []:
            self.found += itertools.chain.from_iterable(map(self._texts, [argument]))

    def _texts(self, node):
        """Give each text that an expression may be, its places filled."""
        if isinstance(node, ast.Constant):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "7" for part in node.values)
        elif isinstance(node, ast.IfExp):
            yield from itertools.chain(self._texts(node.body), self._texts(node.orelse))
        elif isinstance(node, ast.BoolOp):
            yield from (text for value in node.values[1:] for text in self._texts(value))
        elif isinstance(node, ast.BinOp):
            yield from (text + "7" for text in self._texts(node.left))
        elif isinstance(node, ast.Name) and self._function and ast.unparse(node) not in ELSEWHERE:
            values = [
                a.value
                for a in ast.walk(self._function)
                if isinstance(a, ast.Assign) and ast.unparse(a.targets[0]) == node.id
            ]
            if not values:
                self.unclear.append(ast.unparse(node))
            yield from (text for value in values for text in self._texts(value))
        elif ast.unparse(node) not in ELSEWHERE and "did_you_mean" not in ast.unparse(node):
            self.unclear.append(ast.unparse(node))


def sentences():
    room = pathlib.Path(tapegrad.board.__file__).parent
    for path in sorted(room.rglob("*.py")):
        if path.name not in COMMAND_LINE and not path.name.startswith("_service_of_a_test"):
            visitor = Sentences()
            visitor.visit(ast.parse(path.read_text()))
            assert visitor.unclear == [], path
            yield from ((path.relative_to(room).as_posix(), text) for text in visitor.found if text)


def test_every_sentence_of_the_board_is_there_in_chinese():
    found = list(sentences())
    assert len(found) > 100
    assert [place for place in found if in_chinese(place[1]) is None] == []
    assert {name for name, _ in found} >= {
        "library.py",
        "security.py",
        "worker.py",
        "probe/subject.py",
        "playground/spec.py",
    }


def test_places_are_filled_and_sentences_in_places_are_translated():
    assert in_chinese("the loss is nan at step 12") == "第 12 步的损失是 nan"
    assert (
        in_chinese("the board does not run /a.py: it was changed since the training")
        == "看板不运行 /a.py：它在训练之后被改动过"
    )
    assert in_chinese("it failed with KeyError: {0}\nand more") == "出错：KeyError：{0}\nand more"
    assert in_chinese("is " + "x" * 5000) is None


@pytest.mark.parametrize("text", _TEXTS)
def test_a_sentence_has_as_many_places_in_both(text):
    fields = [f"<{i}>" for i in range(text.count("{}"))]
    chinese = in_chinese(text.format(*fields))
    assert chinese is not None
    assert all(field in chinese for field in fields)
    assert "{" not in chinese


def test_a_refusal_comes_in_both_languages(shared):
    _, said = shared.get("/api/runs/999")
    assert said["error"]["zh"] == {"what": "没有编号为 999 的运行", "fix": "请回到运行列表"}
    status, _, body = shared.ask("PUT", "/api/runs")
    assert (status, "不接受 PUT 请求" in body.decode()) == (405, True)
