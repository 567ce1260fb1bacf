"""The catalogue: planted faults, which the doctor must name first, and healthy trainings, of which it must say nothing.

``catalogue/`` has scripts with loops of their own and recipes. The first comments of each tell the fault and the module
that it is in (several, where each is as right: ``# where: 0|2``); ``none`` is a training without one.
"""

import ast
import collections
import os
import pathlib
import re
import warnings

import pytest

from tapegrad.errors import TapegradWarning
from tapegrad.explain.doctor.doctor import diagnose
from tapegrad.explain.doctor.script import watch_script
from tapegrad.lab.build import build
from tapegrad.lab.config import load_config

FOLDER = pathlib.Path(__file__).parent / "catalogue"
ENTRIES = sorted(f for f in [*FOLDER.glob("*.py"), *FOLDER.glob("*.yaml")] if f.stem != "ground")
DATA = os.environ.get("TAPEGRAD_DATA")
# Seed, and factors of widths and of learning rates: none of them was looked at when a threshold was chosen.
VARIANTS = (("11", "1", "1"), ("12", "0.5", "1"), ("13", "2", "1"), ("14", "1", "0.6"), ("15", "1", "1.6"))


def planted(path):
    """The fault of an entry and the modules that may be named, None and nothing for a healthy one."""
    text = path.read_text()
    fault = re.search(r"^# fault: (\S+)$", text, re.M)[1]
    where = re.search(r"^# where:(.*)$", text, re.M)
    return (None, []) if fault == "none" else (fault, [place.strip() for place in where[1].split("|")])


def needs_data(path):
    return "tabular/" in path.read_text()


def found(path, *variant):
    if path.suffix == ".py":
        return watch_script(path, variant)
    return judged_recipe(load_config(path, [f"seed={variant[0]}"] if variant else []))


def judged_recipe(config):
    assembly = build(config)
    training = config.training
    trainer, loaders = assembly.trainer, (assembly.train_loader, assembly.valid_loader)
    with warnings.catch_warnings():
        # Of some faults the library warns by itself.
        warnings.simplefilter("ignore", TapegradWarning)
        # The cheap form looks as often as it has time for, which no test may depend on.
        return diagnose(trainer, *loaders, epochs=training.epochs, steps=training.steps, mode="full")


def is_right(path, findings):
    fault, places = planted(path)
    if fault is None:
        return not findings
    if not findings or findings[0].fault != fault:
        return False
    return findings[0].where in places or any(re.fullmatch(place, findings[0].where) for place in places)


def told(findings):
    return [(finding.fault, finding.where, round(finding.severity, 2)) for finding in findings]


@pytest.mark.parametrize("path", ENTRIES, ids=[f.stem for f in ENTRIES])
def test_the_first_finding_is_the_planted_fault(path, capsys):
    if needs_data(path) and DATA is None:
        pytest.skip("TAPEGRAD_DATA names no folder")
    findings = found(path)
    assert is_right(path, findings), told(findings)
    for finding in findings:
        # A number that a sentence names, and the evidence lacks, reads as a question mark.
        assert not re.search(r"\?[%,.;)]|\(\?", finding.message()), finding.message()
        assert finding.message("zh") != finding.message("en")
        ast.parse(finding.code)
        assert finding.code


def test_the_catalogue_is_as_large_as_it_should_be():
    kinds = collections.Counter(planted(path)[0] is None for path in ENTRIES)
    assert kinds[False] >= 34
    assert kinds[True] >= 20


@pytest.mark.slow
def test_other_seeds_widths_and_rates(capsys):
    wrong, counts = [], collections.Counter()
    for path in ENTRIES:
        if needs_data(path) and DATA is None:
            continue
        kind = "healthy" if planted(path)[0] is None else "faulty"
        for variant in VARIANTS:
            findings = found(path, *variant)
            counts[kind] += 1
            if not is_right(path, findings):
                counts[f"wrong {kind}"] += 1
                wrong.append((path.name, variant, told(findings)[:3]))
    with capsys.disabled():
        print(f"\nfaults named: {counts['faulty'] - counts['wrong faulty']} of {counts['faulty']}")
        print(f"false alarms: {counts['wrong healthy']} of {counts['healthy']}")
        for entry in wrong:
            print(*entry)
    assert counts["wrong faulty"] <= 0.05 * counts["faulty"]
    assert counts["wrong healthy"] <= 0.03 * counts["healthy"]


# -- the recipes that ship, on real data -------------------------------------------------------------------------------

REPORTS = [
    ("fashion-mnist/as-reported", ["model.activation=ReLU", "training.epochs=2"], ("start-saturated", "act3")),
    ("mnist/as-reported", ["data.split.valid=0.1"], ("overfitting", "")),
    ("mnist/divided-twice", ["training.epochs=1"], ("rate-too-low", "")),
    ("mnist-two-layer/as-reported", ["training.epochs=1"], ("rate-too-low", "")),
    ("mnist/best", ["training.epochs=2"], None),
    ("digits", [], None),
    ("sine", [], None),
]


@pytest.mark.slow
@pytest.mark.skipif(DATA is None, reason="TAPEGRAD_DATA names no folder")
@pytest.mark.parametrize(("name", "overrides", "expected"), REPORTS, ids=[name for name, _, _ in REPORTS])
def test_a_report_is_diagnosed(name, overrides, expected):
    findings = judged_recipe(load_config(name, overrides))
    assert [(finding.fault, finding.where) for finding in findings[:1]] == ([expected] if expected else [])
