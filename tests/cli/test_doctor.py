"""``tapegrad doctor``: about a recipe, a run and a script; what it prints, how it ends, and what a training tells."""

import json
import re
import shutil
import subprocess
import sys

import pytest

pytest.importorskip("click")
pytest.importorskip("rich")
pytest.importorskip("pydantic")

from tapegrad.cli.doctor import _wrapped
from tapegrad.cli.main import main
from tapegrad.lab.overview import describe
from tapegrad.train import Run
from tapegrad.train.lines import dump

SICK = """\
data: {set: digits, target_scale: 1, batch_size: 64, split: {valid: 0}}
model: {layers: [64, 16, 1], activation: ReLU, output_activation: Sigmoid}
loss: MSELoss
optimizer: {type: SGD, lr: 0.1}
training: {epochs: 2}
metrics: []
"""


@pytest.fixture
def sick(tmp_path):
    path = tmp_path / "sick.yaml"
    path.write_text(SICK)
    return str(path)


@pytest.fixture(scope="module")
def sick_run(tmp_path_factory):
    """The folder of a run of the sick recipe, for tests that only read it."""
    folder = tmp_path_factory.mktemp("sick")
    (folder / "sick.yaml").write_text(SICK)
    assert main(["train", str(folder / "sick.yaml"), "--runs", str(folder / "runs")]) == 0
    return next((folder / "runs").iterdir())


def said(capsys):
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return captured.out, captured.err


def test_a_sick_recipe_ends_with_1_and_says_why(sick, capsys):
    assert main(["doctor", sick, "--language", "en"]) == 1
    out, err = said(capsys)
    assert out.startswith("1. The outputs cannot reach the targets · act2 · from the start\n")
    assert "the targets reach from 0 to 9" in " ".join(out.split())
    assert "   try: model: {output_activation: null}\n" in out
    assert "looked at 46 of 46 updates" in err


def test_a_healthy_recipe_ends_with_0(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["doctor", "digits", "--steps", "30", "--full", "--lang", "en"]) == 0
    out, err = said(capsys)
    assert out == "nothing found\n"
    assert "looked at 30 of 1,230 updates" in err
    assert list(tmp_path.iterdir()) == []


def test_overrides_in_both_forms(sick, capsys):
    assert main(["doctor", sick, "model.output_activation=null", "--set", "optimizer.lr=0.001", "--json"]) == 1
    found = json.loads(said(capsys)[0])
    assert found["subject"] == sick
    assert found["kind"] == "recipe"
    assert found["steps"] == found["of"] == 46
    assert "output-range" not in [f["fault"] for f in found["findings"]]


def test_findings_as_json(sick, capsys):
    assert main(["doctor", sick, "--json", "--language", "zh", "--steps", "5"]) == 1
    first = json.loads(said(capsys)[0])["findings"][0]
    assert (first["fault"], first["where"], first["since"]) == ("output-range", "act2", 0)
    assert first["title"] == "输出无法达到目标值"
    assert first["evidence"]["most"] == 9.0


def test_the_language_follows_the_environment(sick, capsys, monkeypatch):
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert main(["doctor", sick, "--steps", "5"]) == 1
    assert said(capsys)[0].startswith("1. 输出无法达到目标值 · act2 · 从一开始\n")


def test_chinese_lines_break_no_number():
    text = "".join(f"从 {i}.{i} 到 0.5，" for i in range(100, 140))
    lines = _wrapped(text, "zh")
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(sum(1 + (not c.isascii()) for c in line) <= 98 + 2 for line in lines)
    assert not any(line.startswith(("，", ".")) or line.endswith(".") for line in lines)


def test_a_course_is_drawn_beside_its_numbers(sick, capsys):
    words = ["optimizer.lr=1e-7", "model.output_activation=null", "training.epochs=4", "--language", "en"]
    assert main(["doctor", sick, *words]) == 1
    out = said(capsys)[0]
    assert "The learning rate is too low" in out or "does not get lower" in out
    assert re.search(r"^   [▁▂▃▄▅▆▇█|×]+  \S+ → \S+$", out, re.M)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nothing-like-this"], "nothing-like-this"),
        (["digits", "optimizer.lt=1"], "optimizer.lt"),
        (["gone.py"], "there is no file gone.py"),
        (["digits", "--steps", "0"], "--steps"),
    ],
)
def test_what_cannot_be_looked_at_ends_with_2(words, sentence, capsys):
    assert main(["doctor", *words]) == 2
    assert sentence in said(capsys)[1]


def test_of_a_sweep_one_training_is_to_be_named(capsys, tmp_path):
    for name in ("sweep.json", "recipe.yaml", "trials/0001/recipe.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    assert main(["doctor", str(tmp_path)]) == 2
    assert said(capsys)[1] == (
        f"tapegrad: doctor: {tmp_path} is a sweep of several trainings; name one of them, e.g. {tmp_path}/trials/0001\n"
    )


def test_a_training_tells_its_findings_and_writes_them_down(sick_run, capsys, tmp_path):
    events = Run(sick_run).events("finding")
    assert events[0]["fault"] == "output-range"
    assert events[0]["where"] == "act2"
    assert describe(Run(sick_run))["findings"] == len(events)
    copy = tmp_path / "sick.yaml"
    copy.write_text(SICK)
    assert main(["train", str(copy), "--epochs", "1", "--runs", str(tmp_path / "runs")]) == 0
    out, _ = said(capsys)
    assert out.count("doctor: The outputs cannot reach the targets (act2), from the start\n") == 1


def test_a_training_without_the_doctor(capsys, sick, tmp_path):
    words = ["train", sick, "callbacks.doctor=false", "--epochs", "1", "--runs", str(tmp_path / "runs")]
    assert main(words) == 0
    assert "doctor" not in said(capsys)[0]
    assert Run(next((tmp_path / "runs").iterdir())).events("finding") == []


def test_a_run_is_read(sick_run, capsys):
    assert main(["doctor", str(sick_run), "--json"]) == 1
    found = json.loads(said(capsys)[0])
    assert found["kind"] == "run"
    assert found["findings"][0]["fault"] == "output-range"
    keys = [(f["fault"], f["where"]) for f in found["findings"]]
    assert len(keys) == len(set(keys))


def test_a_run_is_found_by_its_name_and_takes_no_overrides(sick_run, capsys):
    words = ["doctor", sick_run.name, "--runs", str(sick_run.parent)]
    assert main([*words, "--lang", "en"]) == 1
    assert main([*words, "optimizer.lr=1"]) == 2
    assert "a run's recipe is what it was" in said(capsys)[1]


def test_a_run_without_its_findings_is_diagnosed_from_what_is_left(sick_run, capsys, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(sick_run, folder)
    lines = [line for line in (folder / "events.jsonl").read_text().splitlines() if '"finding"' not in line]
    (folder / "events.jsonl").write_text("\n".join(lines) + "\n")
    shutil.rmtree(folder / "checkpoints")
    assert main(["doctor", str(folder), "--json"]) == 1
    assert json.loads(said(capsys)[0])["findings"][0]["fault"] == "output-range"


ODD = (None, "x", -1, 1.5, float("nan"), float("inf"), 2**70, True, [], [[1]], {}, {"a": None})


def test_events_that_no_training_wrote_are_passed_over(sick_run, capsys, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(sick_run, folder)
    kinds = ("epoch", "statistics", "finding")
    names = ("step", "epoch", "loss", "rate", "layers", "fault", "where", "since", "severity", "evidence", "advice")
    odd = [{"event": kind, **dict.fromkeys(names, value)} for kind in kinds for value in ODD]
    odd += [{"event": "statistics", "step": 1, "layers": {"fc1": value}} for value in ODD]
    odd += [{"event": "statistics", "step": 1, "layers": {"fc1": {"activation": v, "gradient": v}}} for v in ODD]
    odd += [{"event": "statistics", "step": 1, "layers": {"fc1": {"activation": {"mean": v, "std": v}}}} for v in ODD]
    odd += [{"event": "finding", "fault": "output-range", "evidence": {"series": value, "low": value}} for value in ODD]
    with open(folder / "events.jsonl", "a") as file:
        file.writelines(dump(event) + "\n" for event in odd)
    assert main(["doctor", str(folder)]) == 1
    assert "The outputs cannot reach the targets" in said(capsys)[0]


def test_what_a_run_says_is_shown_and_not_obeyed_by_the_terminal(sick_run, monkeypatch, tmp_path, capsys):
    """A run's folder may be anybody's: none of its texts moves the cursor, changes the title or colours a line."""
    folder = tmp_path / "run\x1b[31m"
    shutil.copytree(sick_run, folder)
    odd = "fc1\x1b]0;title\x07\x9b2J\u202e"
    with open(folder / "events.jsonl", "a") as file:
        file.write(dump({"event": "finding", "fault": "dead-units", "where": odd, "advice": odd}) + "\n")
        file.write(dump({"event": "epoch", "epoch": 9, "step": 999, odd: 1.0}) + "\n")
    monkeypatch.setattr("click.utils.should_strip_ansi", lambda *ignored, **more: False)
    assert main(["doctor", str(folder)]) == 1
    main(["runs", str(tmp_path)])
    main(["report", str(tmp_path / "none\x1b[31m")])
    out, err = said(capsys)
    shown = re.sub("\x1b\\[(1|0|32)m", "", out + err)
    assert "fc1" in shown
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", shown)


def test_a_training_that_diverges_says_why(sick, capsys, tmp_path):
    words = ["model.output_activation=null", "optimizer.lr=1e6", "--runs", str(tmp_path / "runs")]
    assert main(["train", sick, *words]) == 2
    out, err = said(capsys)
    assert "doctor: The learning rate is too high" in out
    assert "train: the loss is" in err


def test_a_script_is_watched(capsys, tmp_path):
    script = tmp_path / "train.py"
    script.write_text(
        "import sys, tapegrad as tg\n"
        "from tapegrad import nn, optim\n"
        "model = nn.Sequential(nn.Linear(4, 1), nn.Sigmoid())\n"
        "optimizer = optim.SGD(model.parameters(), lr=float(sys.argv[2]))\n"
        "inputs, targets = tg.randn(64, 4), (tg.arange(64) % 10).float().unsqueeze(1)\n"
        "for _ in range(20):\n"
        "    optimizer.zero_grad()\n"
        "    nn.functional.mse_loss(model(inputs), targets).backward()\n"
        "    optimizer.step()\n"
    )
    assert main(["doctor", str(script), "--language", "en", "--", "--lr", "0.1"]) == 1
    assert said(capsys)[0].startswith("1. The outputs cannot reach the targets · 1 · from the start\n")
    assert main(["doctor", str(script), "--full"]) == 2


STUBBORN = """
import tapegrad as tg
from tapegrad import nn

model = nn.Linear(4, 1)
optimizer = tg.optim.SGD(model.parameters(), lr=1e30)
x, y = tg.randn(64, 4), tg.randn(64, 1)
while True:
    try:
        optimizer.zero_grad()
        ((model(x) - y) ** 2).mean().backward()
        optimizer.step()
    except BaseException:
        pass
"""


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_script_that_catches_everything_is_ended(tmp_path, options):
    (tmp_path / "stubborn.py").write_text(STUBBORN)
    command = [sys.executable, "-m", "tapegrad", "doctor", "stubborn.py", "--steps", "5", "--lang", "en", *options]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 1, ended.stderr
    found = json.loads(ended.stdout)["findings"][0]["fault"] if options else ended.stdout
    assert ("rate-too-high" if options else "1. The learning rate is too high") in found
