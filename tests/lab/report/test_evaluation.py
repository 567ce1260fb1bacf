"""The reader of formulas that other tests rely on reads what it should."""

import numpy as np
import pytest
from report_evaluation import evaluate


@pytest.mark.parametrize(
    ("latex", "value"),
    [
        ("2 x - 1", 5),
        (r"\frac{x}{2} \cdot 4 + 1", 7),
        (r"2 x^2", 18),
        (r"\max(x, 5) - \min(x, 1)", 4),
        (r"\begin{cases} 1 & x < 2 \\ x + 1 & x \ge 2 \end{cases}", 4),
        (r"[x > 2] + [2 \le x < 3]", 1),
        (r"\left(1 + x\right) \left(x - 1\right)", 8),
        (r"\hat{m}_t - m_{t-1}", 5),
        (r"-x / 2 / 3", -0.5),
        (r"5 \cdot 10^{-2} x", 0.15),
        (r"\lfloor x / 2 \rfloor", 1),
        (r"\tanh^2 x", np.tanh(3) ** 2),
    ],
)
def test_formulas_are_computed(latex, value):
    assert evaluate(latex, {"x": 3.0, "hat m_t": 7.0, "m_t-1": 2.0}) == pytest.approx(value)
