"""The two rules of writing a primitive, held on the syntax tree.

A kernel computes with ``xp`` alone, never ``np``; a gradient rule names only its parameters, ``ops``, operators, and
helpers that keep the same rule, so that one text serves arrays and Tensors.
"""

import ast
import pathlib

import pytest

OPS = pathlib.Path(__file__).resolve().parents[2] / "src" / "tapegrad" / "ops"
FILES = sorted(OPS.glob("*.py"))
PLAIN = {"len", "range", "tuple", "list", "zip", "enumerate", "slice", "int", "float", "bool", "None", "isinstance"}
PLAIN |= {"reversed", "sorted", "map", "any", "all", "min", "max", "sum", "next", "ops", "math", "abs", "str"}


def is_primitive(node):
    return any(isinstance(d, ast.Call) and getattr(d.func, "id", "") == "primitive" for d in node.decorator_list)


def rules_of(node, functions):
    """The rule functions in a decorator: lambdas, and named functions of the module."""
    for decorator in node.decorator_list:
        for keyword in getattr(decorator, "keywords", ()):
            if keyword.arg == "vjp":
                items = keyword.value.elts if isinstance(keyword.value, ast.Tuple) else [keyword.value]
                for item in items:
                    if isinstance(item, ast.Name) and item.id in functions:
                        yield functions[item.id]
                    elif not isinstance(item, ast.Constant):
                        yield item


def bound_names(function):
    names = {
        a.arg
        for n in ast.walk(function)
        if isinstance(n, ast.arguments)
        for a in [*n.posonlyargs, *n.args, *n.kwonlyargs]
    }
    names |= {n.vararg.arg for n in ast.walk(function) if isinstance(n, ast.arguments) and n.vararg}
    names |= {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return names


def body_names(function):
    body = function.body if isinstance(function.body, list) else [function.body]
    return {n.id for part in body for n in ast.walk(part) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def constants(tree):
    """Module-level names bound to plain constants or to functions of shapes."""
    return {
        t.id
        for n in tree.body
        if isinstance(n, ast.Assign)
        and isinstance(n.value, (ast.Constant, ast.Tuple, ast.BinOp, ast.UnaryOp, ast.Call))
        for t in n.targets
        if isinstance(t, ast.Name)
    }


def rule_faults(tree):
    functions = {n.name: n for n in tree.body if isinstance(n, ast.FunctionDef) and not is_primitive(n)}
    faults, seen = [], set()

    def visit(function, name):
        for used in body_names(function) - bound_names(function) - PLAIN - constants(tree):
            if used in functions:
                if used not in seen:
                    seen.add(used)
                    visit(functions[used], used)
            else:
                faults.append(f"line {function.lineno}: the rule {name} names '{used}'")

    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and is_primitive(node):
            for rule in rules_of(node, functions):
                visit(rule, f"of {node.name}")
    return faults


def kernel_faults(tree):
    faults = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and is_primitive(node):
            if node.args.args[0].arg != "xp":
                faults.append(f"{node.name}: the first parameter is not xp")
            if {"np", "numpy"} & body_names(node):
                faults.append(f"{node.name}: the kernel names np")
    return faults


@pytest.mark.parametrize("path", FILES, ids=[f.name for f in FILES])
def test_kernels_name_xp_alone(path):
    assert kernel_faults(ast.parse(path.read_text())) == []


@pytest.mark.parametrize("path", FILES, ids=[f.name for f in FILES])
def test_rules_name_ops_and_operators_alone(path):
    assert rule_faults(ast.parse(path.read_text())) == []


@pytest.mark.parametrize(
    "source",
    [
        "@primitive(vjp=(lambda g, out: np.multiply(g, out),))\ndef f(xp, input): return xp.exp(input)",
        "@primitive(vjp=(lambda g: exp(g),))\ndef f(xp, input): return xp.exp(input)",
        "def rule(g): return helper(g)\ndef helper(g): return np.exp(g)\n@primitive(vjp=(rule,))\ndef f(xp, input): return input",
    ],
)
def test_a_foreign_name_in_a_rule_is_seen(source):
    assert rule_faults(ast.parse(source))


@pytest.mark.parametrize(
    "source",
    [
        "@primitive(vjp=None)\ndef f(xp, input): return np.exp(input)",
        "@primitive(vjp=None)\ndef f(input): return input",
    ],
)
def test_np_in_a_kernel_is_seen(source):
    assert kernel_faults(ast.parse(source))


def test_a_right_primitive_passes():
    source = "@primitive(vjp=(lambda g, out: ops.mul(g, out),))\ndef f(xp, input): return xp.exp(input)"
    tree = ast.parse(source)
    assert rule_faults(tree) == []
    assert kernel_faults(tree) == []
