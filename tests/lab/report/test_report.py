"""Whole reports: all parts, both languages, what is missing, and that every number can be found again."""

import html
import json
import pathlib
import re
import shutil
import subprocess

import numpy as np
import pytest
from report_runs import CLASSES, RECIPE, make_run, records
from test_writers import parsed

from tapegrad.errors import ArgumentError, FileFormatError
from tapegrad.lab.config import load_config
from tapegrad.lab.report import write_report
from tapegrad.lab.report.facts import RULES, resolve

pytest.importorskip("matplotlib")


def report(folders, target, languages=("en",)):
    folders = folders if isinstance(folders, list) else [folders]
    write_report(folders, target, languages)
    return {path.name: path.read_text(encoding="utf-8") for path in target.iterdir() if path.is_file()}


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """The report of one whole run, in both languages."""
    folder = tmp_path_factory.mktemp("report")
    write_report([make_run(folder / "run")], folder / "out", ("en", "zh"))
    return folder / "out"


@pytest.fixture(scope="module")
def files(out):
    return {path.name: path.read_text(encoding="utf-8") for path in out.iterdir() if path.is_file()}


SECTIONS = {
    "en": [
        "Task and data",
        "Network",
        "Formulas",
        "Training setup",
        "Course of the training",
        "Results",
        "Analysis",
        "What the doctor found",
    ],
    "zh": [
        "任务与数据",
        "网络结构",
        "公式推导",
        "训练设置",
        "训练过程",
        "实验结果",
        "结果分析",
        "训练诊断",
        "复现方法",
        "数据来源",
    ],
}


def test_three_formats_in_two_languages(files):
    assert sorted(files) == [
        "facts.json",
        *sorted(f"report-{lang}.{s}" for lang in ("en", "zh") for s in ("html", "md", "tex")),
    ]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_sections(files, lang):
    titles = re.findall(r"^## (.*)$", files[f"report-{lang}.md"], re.MULTILINE)
    assert titles[: len(SECTIONS[lang])] == SECTIONS[lang]
    page = parsed(files[f"report-{lang}.html"])
    assert all(title in page.text for title in SECTIONS[lang])


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_class_names_and_titles_are_text(files, lang):
    page = parsed(files[f"report-{lang}.html"])
    for name in CLASSES:
        assert name in page.text
    assert "<b>" not in files[f"report-{lang}.html"]
    assert r"c\_d \& e" in files[f"report-{lang}.tex"]
    assert r"50\%" in files[f"report-{lang}.tex"]


def test_both_languages_have_the_same_numbers(files):
    sources = [re.findall(r'data-source="([^"]*)"', files[f"report-{lang}.html"]) for lang in ("en", "zh")]
    assert sorted(sources[0]) == sorted(sources[1])
    assert len(sources[0]) > 100


def check_facts(target):
    """Find every fact again: in its file, by its rule, or as a default of the recipe."""
    listed = json.loads((target / "facts.json").read_text(encoding="utf-8"))
    folders = {label: target / path for label, path in listed["folders"].items()}
    values = {}
    for fact in listed["facts"]:
        value = fact["value"]
        if "rule" not in fact:
            found = resolve(fact["name"], folders)
            assert found == value or (found != found and value == "NaN"), fact
        elif fact["rule"] == "default":
            assert fact["of"][0].startswith("recipe key")
        else:
            inputs = [[values[n] for n in name] if isinstance(name, list) else values[name] for name in fact["of"]]
            assert RULES[fact["rule"]](*inputs) == pytest.approx(value), fact
        values[fact["name"]] = value
    return values


def test_every_number_is_found_again(out):
    values = check_facts(out)
    assert values["result.json#/test_accuracy"] == 0.8
    assert values["events.jsonl#/epoch/3/valid_loss"] == 0.5


def test_a_false_number_is_noticed(out, tmp_path):
    shutil.copytree(out.parent, tmp_path / "copy")
    listed = tmp_path / "copy" / "out" / "facts.json"
    listed.write_text(listed.read_text(encoding="utf-8").replace('"value": 0.8', '"value": 0.81', 1), encoding="utf-8")
    with pytest.raises(AssertionError):
        check_facts(listed.parent)


def test_every_source_in_the_page_is_a_fact(files):
    listed = json.loads(files["facts.json"])["facts"]
    known = set()
    for fact in listed:
        parts = [", ".join(p) if isinstance(p, list) else str(p) for p in fact.get("of", ())]
        known.add(f"{fact['rule']}: {'; '.join(parts)}" if "rule" in fact else fact["name"])
    for source in re.findall(r'data-source="([^"]*)"', files["report-en.html"]):
        assert html.unescape(source) in known


def test_defaults_are_the_recipes(files):
    listed = {fact["name"]: fact for fact in json.loads(files["facts.json"])["facts"]}
    assert listed["default of seed"]["value"] == 0
    assert listed["default of dtype"]["value"] == "float32"


def test_a_reader_can_type_the_commands(files):
    assert re.search(
        r"tapegrad train .*/run/recipe\.yaml\ntapegrad verify .*/run\ntapegrad report .*/run --lang en",
        files["report-en.md"],
    )


def test_figures_stand_beside_reported_ones(files):
    assert "| test accuracy | 0.8 | 0.8000 | 0.0000 |" in files["report-en.md"]


def test_the_updates_have_the_runs_numbers(files):
    assert r"w_{t+1} &= w_t - 0.01 \, \frac{\hat{m}_t}{\sqrt{\hat{s}_t} + 10^{-8}}" in files["report-en.md"]
    assert "$N = 16$" in files["report-en.md"]


# -- what is missing ----------------------------------------------------------------------------------------------------


def test_an_unfinished_run(tmp_path):
    text = report(make_run(tmp_path / "run", result={}), tmp_path / "out")["report-en.md"]
    assert "> This run is interrupted: final figures are missing" in text
    assert "> The run has no final figures yet." in text
    assert "$$" in text
    check_facts(tmp_path / "out")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_run_that_has_just_begun(tmp_path, lang):
    folder = make_run(tmp_path / "run", result={}, events=[], layers=None, data=None, environment=None)
    (folder / "events.jsonl").unlink()
    shutil.rmtree(folder / "pictures")
    text = report(folder, tmp_path / "out", (lang,))[f"report-{lang}.md"]
    notes = re.findall(r"^> (.*)$", text, re.MULTILINE)
    assert len(notes) == 5
    check_facts(tmp_path / "out")


def test_no_test_set(tmp_path):
    result = {"samples": {"train": 90, "valid": 10}}
    folder = make_run(tmp_path / "run", result=result, data=None)
    values = json.loads((folder / "result.json").read_text())
    (folder / "result.json").write_text(json.dumps({k: v for k, v in values.items() if not k.startswith("test_")}))
    text = report(folder, tmp_path / "out")["report-en.md"]
    assert "There is no test set" in text
    assert "on the validation set of 10 samples is 0.9000" in text


def test_no_statistics(tmp_path):
    text = report(make_run(tmp_path / "run", layers=None), tmp_path / "out")["report-en.md"]
    assert "> The run has no statistics of its layers" in text


def test_an_image_network_without_its_shape(tmp_path):
    recipe = RECIPE.replace(
        "model: {layers: [4, 8, 3], activation: ReLU}",
        "model: {layers: [{type: Conv2d, in_channels: 1, out_channels: 2, kernel_size: 3}, {type: Flatten},"
        " {type: Linear, in_features: 72, out_features: 3}]}",
    )
    folder = make_run(tmp_path / "run", recipe=recipe, result={}, data=None, layers=None)
    text = report(folder, tmp_path / "out")["report-en.md"]
    assert "known only after the training has ended" in text


def test_a_network_from_a_file_is_traced(tmp_path):
    (tmp_path / "net.py").write_text(
        "from tapegrad import nn\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.fc1 = nn.Linear(4, 8)\n"
        "        self.fc2 = nn.Linear(8, 3)\n"
        "    def forward(self, x):\n"
        "        return self.fc2(self.fc1(x).relu())\n"
    )
    recipe = RECIPE.replace(
        "model: {layers: [4, 8, 3], activation: ReLU}", f"model: {{module: '{tmp_path / 'net.py'}:Net'}}"
    )
    text = report(make_run(tmp_path / "run", recipe=recipe), tmp_path / "out")["report-en.md"]
    assert "| `v1` | $\\mathbb{R}^{N \\times 8}$ | `linear(x0, fc1.weight, fc1.bias)` |" in text.replace("v4", "v1")
    assert r"\frac{\partial L}{\partial \hat{Y}} &= \frac{1}{N} \left(P - Y\right)" in text


def test_damaged_and_missing_runs_are_named(tmp_path):
    folder = make_run(tmp_path / "run")
    (folder / "result.json").write_text("{")
    with pytest.raises(FileFormatError, match=r"result\.json"):
        write_report([folder], tmp_path / "out")
    with pytest.raises(ArgumentError, match="there is no run"):
        write_report([tmp_path / "nothing"], tmp_path / "out")
    with pytest.raises(ArgumentError, match="no run or sweep is given"):
        write_report([], tmp_path / "out")
    with pytest.raises(ArgumentError, match="there is no language 'de'"):
        write_report([folder], tmp_path / "out", ("de",))


# -- several ------------------------------------------------------------------------------------------------------------


def test_several_runs(tmp_path):
    better = {"test_accuracy": 0.9, "parameters": 1000}
    folders = [
        make_run(tmp_path / "one"),
        make_run(tmp_path / "two", result=better),
        make_run(tmp_path / "three", result={}),
    ]
    text = report(folders, tmp_path / "out", ("en", "zh"))["report-en.md"]
    assert text.startswith("# Comparison of 3 experiments\n")
    assert "| one | 67 | 12 | **0.9500** | **0.9000** | 0.8000 |" in text
    assert "| two | 1,000 | 12 | **0.9500** | **0.9000** | **0.9000** |" in text
    assert "| three (interrupted) | — | — |" in text
    assert text.count("### Formulas") == 3
    values = check_facts(tmp_path / "out")
    assert values["two/result.json#/test_accuracy"] == 0.9
    assert len(re.findall("overview-.*png", text)) == 2


def test_the_best_is_marked_only_among_runs_on_the_same_data(tmp_path):
    other = RECIPE.replace("set: digits", "set: moons")
    folders = [make_run(tmp_path / "one"), make_run(tmp_path / "two", recipe=other, result={"test_accuracy": 0.9})]
    text = report(folders, tmp_path / "out")["report-en.md"]
    assert "| two | 67 | 12 | 0.9500 | 0.9000 | 0.9000 |" in text


# -- sweeps -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def sweep(tmp_path):
    """A sweep over two rates with three seeds; one trial failed."""
    from tapegrad.lab.sweep import Failure, Sweep, make_plan
    from tapegrad.lab.sweep.folder import write_failure

    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE, encoding="utf-8")
    plan = make_plan(
        lambda overrides: load_config(recipe, overrides),
        ["optimizer.lr=0.01,0.1,1.0"],
        name="letters",
        seeds="3",
        metric="test_accuracy",
        command="tapegrad sweep recipe.yaml --vary optimizer.lr=0.01,0.1,1.0 --seeds 3",
    )
    found = Sweep.create(tmp_path / "sweeps", plan, RECIPE)
    for trial in plan.trials:
        rate = float(trial.levels["optimizer.lr"])
        if rate == 1.0 and trial.seed == 2:
            write_failure(found.run(trial), Failure("the loss is nan", final=True))
            continue
        accuracy = {0.01: 0.9, 0.1: 0.7, 1.0: 0.2}[rate] + 0.01 * trial.seed
        text = RECIPE.replace("lr: 0.01", f"lr: {rate}")
        make_run(found.trials / trial.folder, recipe=text, result={"test_accuracy": accuracy})
    return found.folder


def test_a_sweep(sweep, tmp_path):
    text = report(sweep, tmp_path / "out", ("en", "zh"))["report-en.md"]
    assert "There are 9 trials with 3 seeds each." in text
    assert "| 0.01 | **0.9100** ± 0.0100 |" in text
    assert "| 1.0 | 0.2050 ± 0.0071 |" in text
    assert "2/3 | seed 2: the loss is nan |" in text
    assert "- Best by test accuracy: optimizer.lr = 0.01, with 0.9100 ± 0.0100 over 3 seeds." in text
    assert "It is 0.2000 better than the second, optimizer.lr = 0.1. An exact permutation test gives p = 0.1." in text
    assert "With 3 seeds for each, p cannot be smaller than 0.1" in text
    assert "1 of 9 trials have no result: the loss is nan (1)." in text
    assert "tapegrad sweep recipe.yaml --vary" in text
    assert r"\frac{\hat{m}_t}" in text
    assert "factor-optimizer-lr-en.png" in text
    check_facts(tmp_path / "out")


def test_a_sweep_without_results(sweep, tmp_path):
    for path in sweep.glob("trials/*/result.json"):
        path.unlink()
    text = report(sweep, tmp_path / "out")["report-en.md"]
    assert "- No trial has a result yet." in text
    check_facts(tmp_path / "out")


def test_a_run_and_a_sweep(sweep, tmp_path):
    text = report([make_run(tmp_path / "one"), sweep], tmp_path / "out")["report-en.md"]
    assert ": optimizer.lr = 0.01 | 67 |" in text
    check_facts(tmp_path / "out")


# -- real runs ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def real_run(tmp_path):
    """A short training of the sine, whose pictures and residuals come from the data."""
    from tapegrad.lab.config import dump_config
    from tapegrad.lab.experiment import run_experiment
    from tapegrad.train import Run

    config = load_config("sine/as-reported", ["training.epochs=20", "training.report_every=2"])
    run = Run.create(tmp_path / "runs", "sine", dump_config(config), {"tapegrad": "0.1.0"}, stamp=False)
    run_experiment(config, run)
    return run.folder


def test_a_real_run(real_run, tmp_path):
    files = report(real_run, tmp_path / "out", ("en", "zh"))
    assert "pictures/function-zh.png" in files["report-zh.md"]
    assert "outermost two tenths" in files["report-en.md"]
    assert "两端" in files["report-zh.md"]
    values = check_facts(tmp_path / "out")
    measured = json.loads((real_run / "measured.json").read_text())
    assert np.isclose(np.mean([*measured["mae"]]), values["result.json#/test_mae"], rtol=0.05)
    assert not [p for p in (tmp_path / "out" / "pictures").iterdir() if p.suffix != ".png"]


def test_the_settings_of_the_process_stay(real_run, tmp_path):
    import tapegrad as tg

    tg.manual_seed(3)
    before = tg.rand(3).tolist()
    tg.manual_seed(3)
    report(real_run, tmp_path / "out", ("zh",))
    assert tg.rand(3).tolist() == before
    assert tg.get_default_dtype() == tg.float32


def test_the_command(tmp_path, capsys):
    from tapegrad.cli.main import main

    make_run(tmp_path / "runs" / "letters")
    words = ["report", "letters", "--runs", str(tmp_path / "runs"), "--lang", "zh", "-o", str(tmp_path / "out")]
    assert main(words) == 0
    out = capsys.readouterr().out.splitlines()
    assert [pathlib.Path(line.partition(": ")[2]).name for line in out] == [
        "report-zh.html",
        "report-zh.md",
        "report-zh.tex",
        "facts.json",
    ]
    assert main(["report", str(tmp_path / "none")]) == 2
    assert "there is no run" in capsys.readouterr().err
    assert main(["report", "letters", "--runs", str(tmp_path / "runs"), "--lang", "de"]) == 2


def test_the_report_goes_into_the_runs_folder(tmp_path):
    folder = make_run(tmp_path / "run")
    write_report([folder])
    assert (folder / "report" / "report-en.html").is_file()
    check_facts(folder / "report")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("xelatex") is None, reason="xelatex is not installed")
@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("kind", ["fake", "real", "several"])
def test_latex_compiles(tmp_path, request, lang, kind):
    """Without an error, a line that sticks out by more than 10 pt, or a letter that no font has."""
    folders = {
        "fake": lambda: make_run(tmp_path / "run"),
        "real": lambda: request.getfixturevalue("real_run"),
        "several": lambda: [make_run(tmp_path / "one"), make_run(tmp_path / "two", events=records(30))],
    }[kind]()
    report(folders, tmp_path / "out", (lang,))
    words = ["xelatex", "-interaction=nonstopmode", "-halt-on-error", f"report-{lang}.tex"]
    done = subprocess.run(words, cwd=tmp_path / "out", capture_output=True, check=False)
    log = done.stdout.decode(errors="replace")
    assert done.returncode == 0, log[-3000:]
    assert "Missing character" not in log
    assert [w for w in re.findall(r"Overfull \\hbox \(([0-9.]+)pt", log) if float(w) > 10] == []


# -- what the doctor found ----------------------------------------------------------------------------------------------

FINDING = {"event": "finding", "step": 30, "since": 20, "where": "act1", "fault": "dead-units", "severity": 0.7}
FOUND = [
    FINDING | {"evidence": {"share": 0.9, "first": 0.1}, "advice": "model: {activation: LeakyReLU}", "code": "x = 1"},
    # What the first leads to, the same again, what no doctor wrote, and names that a page must not take for its own.
    {**FINDING, "fault": "same-value", "where": "fc2", "severity": 0.5, "evidence": {"spread": 0.0}, "advice": ""},
    {**FINDING, "since": 40, "evidence": {}, "advice": "again"},
    {"event": "finding", "fault": 7},
    {
        **FINDING,
        "fault": "overfitting",
        "since": 0,
        "where": "<b>&$_{",
        "severity": 0.4,
        "evidence": {},
        "advice": "<b>",
    },
]


@pytest.fixture
def diagnosed(tmp_path):
    folder = make_run(tmp_path / "run")
    with open(folder / "events.jsonl", "a", encoding="utf-8") as file:
        file.writelines(json.dumps(event) + "\n" for event in FOUND)
    return folder


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_what_the_doctor_found(diagnosed, tmp_path, lang):
    made = report(diagnosed, tmp_path / "out", (lang,))
    page, text = parsed(made[f"report-{lang}.html"]), made[f"report-{lang}.md"]
    section = text[text.index("What the doctor found" if lang == "en" else "训练诊断") :]
    rows = [line for line in section.splitlines() if line.startswith("|")][2:4]
    assert ("Units are dead" if lang == "en" else "单元已死亡") in rows[0]
    assert "act1" in rows[0]
    assert "90%" in rows[0]
    assert "model: {activation: LeakyReLU}" in rows[0]
    assert "learns the training data by heart" in rows[1] or "死记" in rows[1]
    assert "same for every sample" not in text
    assert "again" not in rows[0] + rows[1]
    assert "<b>&$_{" in page.text
    assert "<b>" not in made[f"report-{lang}.html"]
    assert check_facts(tmp_path / "out")["events.jsonl#/finding/0/since"] == 20


def test_a_doctor_that_found_nothing_says_so(files):
    assert "The doctor watched the training and found nothing wrong with it." in files["report-en.html"]
    assert "没有发现问题" in files["report-zh.html"]


def test_a_run_without_the_doctor_has_no_section(tmp_path):
    folder = make_run(tmp_path / "run", recipe=RECIPE + "callbacks: {doctor: false}\n")
    assert "doctor" not in report(folder, tmp_path / "out")["report-en.md"].partition("```")[0]
