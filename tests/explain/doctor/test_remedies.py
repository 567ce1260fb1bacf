"""What to try: each fault has a line of Python that parses, and a line of YAML that a recipe can hold, where one can help."""

import ast
import itertools

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import nn
from tapegrad.explain.doctor import texts_en
from tapegrad.explain.doctor.causes import _LEADS_TO, causes_of
from tapegrad.explain.doctor.finding import Finding
from tapegrad.explain.doctor.observe import Course, Facts, Start
from tapegrad.explain.doctor.remedies.advise import REMEDIES, advised
from tapegrad.explain.doctor.script import watch_script
from tapegrad.explain.doctor.traits import Traits
from tapegrad.lab.config import config_of
from tapegrad.lab.yaml import read_yaml

FAULTS = list(texts_en.TEXTS)
# Faults of loops, which a recipe's trainer does not have, and of data or Python code that no key of a recipe mends.
NO_RECIPE = {
    *("script-error", "loss-detached", "optimizer-of-others", "gradients-dropped", "no-step", "gradients-accumulate"),
    *(
        "eval-in-training",
        "train-in-evaluation",
        "softmax-dimension",
        "target-kind",
        "gradient-scale",
        "gradient-wrong",
    ),
    *("no-gradient", "inputs-not-finite", "batch-not-finite", "inputs-alike", "labels-range", "labels-share"),
    *("targets-unrelated",),
}
RECIPE = {
    "data": {"set": "digits"},
    "model": {"layers": [64, 32, 10]},
    "optimizer": {"type": "SGD", "lr": 0.1},
    "training": {"epochs": 2},
}
KINDS = {"0": "Linear", "1": "Sigmoid", "2": "Linear", "3": "Softmax"}
EVIDENCE = {
    "rate": 3.0,
    "ratio": 0.5,
    "gain": 20.0,
    "low": 1.0,
    "high": 4.0,
    "last": 3,
    "classes": 4,
    "reports": 40,
    "counts": [50, 5, 5, 5],
    "names": "0.weight, 0.bias",
    "outputs": "32 × 1",
    "targets": "32",
    "part": "test",
    "mean": 120.0,
    "std": 40.0,
    "momentum": 1e-4,
    "operation": "log",
    "p": 0.9,
}


def course(**facts):
    start = Start(
        inputs=np.random.default_rng(0).standard_normal((8, 6)).astype(np.float32), outputs=np.ones((8, 4), np.float32)
    )
    known = {"optimizer": "SGD", "loss": "CrossEntropyLoss", "options": {"lr": 3.0, "momentum": 0.9}, "kinds": KINDS}
    return Course(Facts(**known | facts), rates=[(1, 3.0)], start=start, traits=Traits(gains={"0": 20.0, "2": 1.0}))


def cases():
    empty, full = Course(), course()
    several = course(networks=("encoder", "head"), kinds={"encoder.0": "Linear", "head.act": "Sigmoid"})
    return [
        *[(empty, {}, "")],
        *[(full, EVIDENCE, where) for where in ("", *KINDS)],
        *[(several, EVIDENCE | {"names": "encoder.0.weight"}, where) for where in several.facts.kinds],
        *[(course(loss="BCELoss"), EVIDENCE | {"classes": 2, "outputs": "32 × 4"}, "3")],
    ]


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_has_both_lines(fault):
    for seen, evidence, where in cases():
        found = advised(Finding(fault, where, 0, evidence), seen)
        assert found.code
        assert "\n" not in found.code + found.advice
        assert "nan" not in found.code + found.advice
        ast.parse(found.code)
        if fault in NO_RECIPE - {"labels-range"}:
            assert found.advice == ""
        if fault not in NO_RECIPE:
            assert found.advice


@pytest.mark.parametrize("fault", sorted(set(FAULTS) - NO_RECIPE))
def test_the_yaml_is_what_a_recipe_can_hold(fault):
    for seen, evidence, where in cases():
        line = read_yaml(advised(Finding(fault, where, 0, evidence), seen).advice).data
        recipe = {**RECIPE}
        for key, value in line.items():
            recipe[key] = {**recipe[key], **value} if isinstance(recipe.get(key), dict) else value
        config_of(recipe)


def test_no_remedy_is_left_over():
    assert sorted(REMEDIES) == sorted(FAULTS)
    assert set(_LEADS_TO) | set().union(*_LEADS_TO.values()) <= set(FAULTS)


def code(fault, where="", evidence=EVIDENCE, **facts):
    return advised(Finding(fault, where, 0, evidence), course(**facts)).code


@pytest.mark.parametrize(
    ("fault", "where", "line"),
    [
        ("rate-too-high", "", "optimizer = optim.SGD(model.parameters(), lr=0.3, momentum=0.9)"),
        ("optimizer-of-others", "", "optimizer = optim.SGD(model.parameters(), lr=3, momentum=0.9)"),
        ("double-softmax", "3", "model[3] = nn.Identity()"),
        ("double-softmax", "", "return logits"),
        ("sigmoid-twice", "", "criterion = nn.BCELoss()"),
        ("labels-range", "", "targets = targets - 1"),
        ("initial-weights-large", "2", "model[2].reset_parameters()"),
        ("weights-not-finite", "0.weight", "model[0].reset_parameters()"),
        ("not-finite", "", "nn.utils.clip_grad_norm_(model.parameters(), 1.0)"),
        ("vanishing-gradient", "0", "model[1] = nn.ReLU()"),
        ("no-gradient", "0", "print(tg.explain(model[0].weight, lambda: criterion(model(inputs), targets)))"),
    ],
)
def test_lines_name_what_the_script_has(fault, where, line):
    assert code(fault, where) == line


def test_paths_are_written_as_python_has_them():
    kinds = {"encoder.layers.0": "Linear", "encoder.act": "ReLU"}
    assert code("dead-units", "encoder.layers.0", kinds=kinds) == "x = F.leaky_relu(self.encoder.layers[0](x))"
    several = {"networks": ("encoder", "head"), "kinds": {"encoder.0": "ReLU", "head": "Linear"}}
    assert code("dead-units", "encoder.0", **several) == "encoder[0] = nn.LeakyReLU()"
    assert "[*encoder.parameters(), *head.parameters()]" in code("not-in-optimizer", **several)


def test_a_rate_that_is_far_too_high_falls_further():
    assert "lr=0.3," in code("rate-too-high", evidence={"rate": 3.0, "ratio": 0.2})
    assert "lr=0.03," in code("rate-too-high", evidence={"rate": 3.0, "ratio": 3.0})
    assert "lr=3e-05," in code("rate-too-low", evidence={"rate": 3e-7, "ratio": 1e-5})


def test_standardised_inputs_are_not_standardised_again():
    seen = course()
    seen.traits = None
    saturated = Finding("saturated", "1")
    assert advised(saturated, seen).advice == "model: {activation: ReLU}"
    seen.start = Start(inputs=np.arange(48, dtype=np.float32).reshape(8, 6))
    assert advised(saturated, seen).code == "inputs = (inputs - 23.5) / 13.9"


@pytest.mark.parametrize(("cause", "led_to"), [(a, b) for a, found in _LEADS_TO.items() for b in sorted(found)])
def test_of_a_cause_and_what_it_leads_to_the_cause_is_told(cause, led_to):
    found = [Finding(led_to, "b", severity=0.5), Finding(cause, "a", severity=0.8)]
    assert [finding.fault for finding in causes_of(found)] == [cause]
    # What stands above it has a cause of its own.
    found = [Finding(led_to, "b", severity=0.9), Finding(cause, "a", severity=0.8)]
    assert [finding.fault for finding in causes_of(found)] == [led_to, cause] or cause in _LEADS_TO.get(led_to, ())


@pytest.mark.parametrize("fault", FAULTS)
def test_two_equally_grave_findings_never_both_vanish(fault):
    for other in FAULTS:
        assert causes_of([Finding(fault, severity=0.5), Finding(other, "x", severity=0.5)])


SCRIPT = """
import tapegrad as tg
from tapegrad import nn, optim
from tapegrad.utils.data import DataLoader, TensorDataset

tg.manual_seed(0)
x, y = tg.randn(100, 6), tg.zeros(100).long()
net = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
opt = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
loader = DataLoader(TensorDataset(x, y), batch_size=16, shuffle=True)
for epoch in range(4):
    for inputs, targets in loader:
        {batch}
        opt.zero_grad()
        nn.functional.cross_entropy(net(inputs), targets).backward()
        opt.step()
    {after}
"""


@pytest.mark.parametrize(
    "words",
    [
        {"batch": "pass", "after": "pass"},
        {"batch": "inputs = inputs + 0.1 * tg.randn(*inputs.shape)", "after": "pass"},
        {"batch": "inputs[0] = inputs[-1]", "after": "pass"},
        {"batch": "nn.functional.cross_entropy(net(tg.randn(16, 6)), tg.zeros(16).long())", "after": "pass"},
    ],
    ids=["as it is", "with noise", "with copies", "measured with gradients on"],
)
def test_samples_are_counted_once(tmp_path, words):
    path = tmp_path / "train.py"
    path.write_text(SCRIPT.format(**words))
    first = watch_script(path)[0]
    assert (first.fault, first.evidence["many"]) == ("one-class", 100)


def test_the_optimizer_of_another_network_is_one_finding(tmp_path):
    path = tmp_path / "train.py"
    path.write_text(
        SCRIPT.format(batch="pass", after="pass").replace(
            "loader =", "net = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))\nloader ="
        )
    )
    found = watch_script(path)
    assert [finding.fault for finding in found] == ["optimizer-of-others", "one-class"]
    assert found[0].code == "optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)"


def test_the_line_makes_the_optimizer_that_it_says():
    model = nn.Sequential(nn.Linear(2, 2))
    for kind, options in itertools.product(("SGD", "Adam", "RMSprop"), ({}, {"weight_decay": 0.01})):
        made = getattr(tg.optim, kind)(model.parameters(), lr=0.5, **options)
        group = {name: value for name, value in made.param_groups[0].items() if name != "params"}
        line = advised(Finding("optimizer-of-others"), Course(Facts(optimizer=kind, options=group))).code
        names = {"optim": tg.optim, "model": model}
        exec(line, names)
        assert {**names["optimizer"].param_groups[0], "params": None} == {**group, "params": None}
