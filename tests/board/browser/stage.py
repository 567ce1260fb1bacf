"""What the page is shown with: a run of each kind that it has to cope with, small enough to be trained in the test."""

import contextlib
import json
import os
import pathlib
import time
import warnings

from tapegrad.errors import TapegradError
from tapegrad.lab.config import dump_config, load_config
from tapegrad.lab.experiment import run_experiment
from tapegrad.lab.sweep.folder import Sweep
from tapegrad.lab.sweep.plan import make_plan, trial_recipes
from tapegrad.lab.sweep.worker import execute
from tapegrad.train import Run, environment

# As a name, a class and a recipe's text; it must stay text in all of them.
HOSTILE = "<img src=x onerror=alert(1)>"

SMALL = ("training.compile=false", "callbacks.snapshots=2", "threads=1")
SPIRAL = (
    *SMALL, "training.steps=60", "training.report_every=10", "data.transforms=[]", "model.layers=[2, 8, 3]",
    "data.arguments.points=30", "data.arguments.test_points=20",
)  # fmt: skip
# More than twenty nodes in its graph.
DEEP = (*SMALL, "training.epochs=3", "model.layers=[64, 32, 32, 32, 32, 10]")
SINE = (*SMALL, "training.steps=200", "training.report_every=20", "data.arguments.test_points=200")


def train(parent, name, recipe, *overrides):
    """Train a recipe in a new run's folder, as `tapegrad train` does, without pictures; a failure stays in its events."""
    config = load_config(recipe, overrides)
    run = Run.prepare(parent / name, dump_config(config, defaults=True), environment())
    with warnings.catch_warnings(), contextlib.suppress(TapegradError):
        warnings.simplefilter("ignore")
        run_experiment(config, run, pictures=False)
    return run


def bare(parent, name):
    """A run that ended before its first checkpoint."""
    recipe = dump_config(load_config("digits"), defaults=True)
    run = Run.prepare(parent / name, recipe, environment())
    _age(run.folder / "recipe.yaml")
    return run


def hostile(parent):
    """A run whose name, classes and texts all try to be markup."""
    run = train(parent, HOSTILE, "digits", *SMALL, "training.epochs=1", "model.layers=[64, 8, 10]")
    path = run.folder / "data.json"
    data = json.loads(path.read_text())
    data["classes"] = [f"{HOSTILE}{name}" for name in data["classes"]]
    path.write_text(json.dumps(data))
    path = run.folder / "recipe.yaml"
    path.write_text(f"# {HOSTILE}\n{path.read_text()}")
    evidence = {HOSTILE: 1.0}
    run.log("finding", fault=HOSTILE, where=HOSTILE, since=3, evidence=evidence, advice=HOSTILE, severity=0.7)
    return run


def sweep(parent):
    """A finished sweep of two learning rates with two seeds each."""
    load = lambda overrides: load_config("spiral", [*SPIRAL, "training.steps=20", *overrides])  # noqa: E731
    plan = make_plan(load, ["optimizer.lr=0.01,0.05"], name="rates", grid=True, seeds="0,1")
    found = Sweep.create(parent, plan, dump_config(load(())), trial_recipes(load, plan))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for trial in plan.trials:
            execute(found, trial, [], False)
    return found


def furnish(folder):
    """Fill a folder with `runs` and `sweeps`, and return it."""
    folder = pathlib.Path(folder)
    runs = folder / "runs"
    train(runs, "spiral", "spiral", *SPIRAL)
    train(runs, "digits", "digits", *DEEP)
    train(runs, "sine", "sine", *SINE)
    train(runs, "diverged", "digits", *SMALL, "training.epochs=3", "optimizer={type: SGD, lr: 1e6}", "schedule=null")
    bare(runs, "bare")
    hostile(runs)
    sweep(folder / "sweeps")
    return folder


def _age(path):
    """Make a file so old that nobody takes its run for one that is about to begin."""
    os.utime(path, (time.time() - 3 * 86400,) * 2)
