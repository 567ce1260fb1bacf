"""A module that is loaded while a step is captured is no part of the step."""

import sys

import tapegrad as tg


class Finder:
    """Asked by every import that others do not answer, as some packages install one."""

    def find_spec(self, name, path=None, target=None):
        if name == "tapegrad_test_absent":
            locals()


def test_a_module_loaded_within_a_step(monkeypatch):
    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])

    def function(x):
        try:  # noqa: SIM105  (as scripts write it)
            import tapegrad_test_absent  # noqa: F401  # pyright: ignore
        except ImportError:
            pass
        return x * 2

    compiled = tg.compile(function, target="numpy")
    with tg.no_grad():
        assert compiled(tg.ones(3)).tolist() == [2.0, 2.0, 2.0]
    assert compiled.refusals == []
    assert compiled.programs == 1
