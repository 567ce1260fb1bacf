"""Summaries and files of a sweep: means over seeds, what is best, failures, and bytes that tell no time or place."""

import csv
import io
import math
import statistics

import pytest
import sweep_fakes as fakes

from tapegrad.errors import ArgumentError
from tapegrad.lab.sweep import Failure, check_metric, draw_pictures, make_plan, read_summary, write_tables
from tapegrad.lab.sweep.folder import write_failure
from tapegrad.lab.sweep.result import shown_names

OWN = {"seed": 0, "optimizer": {"lr": 0.1}, "model": {"layers": [4, 2]}}
VARY = ["optimizer.lr=0.1,0.01", "network: model.layers=small=[4,2],large=[4,9,2]"]


def swept(tmp_path, vary=VARY, results=None, **options):
    """A sweep whose trials have the results that ``results(trial)`` gives; a Failure is one, None is no result."""
    plan = make_plan(fakes.loader(OWN), vary, name=options.pop("name", "tiny_net"), **{"seeds": "3", **options})
    sweep = fakes.new_sweep(tmp_path, plan)
    for trial in plan.trials:
        result = (results or accuracy_by_number)(trial)
        run = sweep.run(trial)
        run.folder.mkdir()
        if isinstance(result, Failure):
            write_failure(run, result)
        elif result is not None:
            for step in (1, 2, 3):
                run.log("epoch", epoch=step, step=2 * step, loss=1 / step, valid_accuracy=0.5 + step / 100)
            run.write_result({"seconds": 1.5, "steps": 100, "confusion": [[1]], "task": "x", **result})
    return sweep


def accuracy_by_number(trial):
    return {"test_accuracy": 0.9 + trial.number / 1000, "train_loss": 1.0 / trial.number, "test_loss": 0.5}


def test_rows_have_mean_and_deviation_over_seeds(tmp_path):
    summary = read_summary(swept(tmp_path))
    assert summary.metric == "test_accuracy"
    assert summary.names == ("test_accuracy", "test_loss", "train_loss")
    assert [row.levels for row in summary.rows] == [
        {"optimizer.lr": "0.1", "network": "small"},
        {"optimizer.lr": "0.01", "network": "small"},
        {"optimizer.lr": "0.1", "network": "large"},
    ]
    spread = summary.rows[1].spread("test_accuracy")
    values = [0.904, 0.905, 0.906]
    assert spread.mean == pytest.approx(statistics.fmean(values), abs=1e-15)
    assert spread.deviation == pytest.approx(statistics.stdev(values), abs=1e-15)
    assert spread.count == 3
    assert summary.best() is summary.rows[2]


def test_each_factor_has_a_table_with_the_others_as_in_the_recipe(tmp_path):
    rates, networks = read_summary(swept(tmp_path)).tables()
    assert rates.caption == "optimizer.lr"
    assert [row[:2] for row in rates.texts()] == [["0.1", "0.9020 ± 0.0010"], ["0.01", "0.9050 ± 0.0010"]]
    assert [row[:2] for row in networks.texts()] == [["small", "0.9020 ± 0.0010"], ["large", "0.9080 ± 0.0010"]]
    assert rates.best() == {(1, 1), (1, 2)}
    assert [column.heading for column in rates.columns] == ["optimizer.lr", "test accuracy", "train loss"]


@pytest.mark.parametrize(
    ("results", "metric", "best"),
    [
        (lambda t: {"test_mae": float(t.number), "test_loss": 1.0}, "test_mae", 0),
        (lambda t: {"valid_accuracy": float(t.number), "train_accuracy": -float(t.number)}, "valid_accuracy", 2),
        (lambda t: {"test_scaled_accuracy": float(t.number), "test_mae": 1.0}, "test_scaled_accuracy", 2),
        (lambda t: {"train_accuracy": float(t.number)}, "train_accuracy", 2),
        (lambda t: {"test_accuracy": -float(t.number), "valid_accuracy": float(t.number)}, "valid_accuracy", 2),
        (lambda t: {"test_loss": float(t.number), "train_loss": -float(t.number)}, "test_loss", 0),
        (lambda t: {"test_auroc": float(t.number)}, "test_auroc", 2),
    ],
)
def test_the_deciding_metric_and_its_direction(tmp_path, results, metric, best):
    summary = read_summary(swept(tmp_path, results=results))
    assert summary.metric == metric
    assert summary.best() is summary.rows[best]


def test_the_deciding_metric_can_be_chosen(tmp_path):
    sweep = swept(tmp_path, metric="train_loss")
    assert read_summary(sweep).metric == "train_loss"
    assert read_summary(sweep).tables()[0].columns[1].heading == "train loss"
    assert read_summary(sweep, "test_loss").metric == "test_loss"
    with pytest.raises(ArgumentError, match="did you mean 'test_loss'"):
        read_summary(sweep, "test_los")


def test_a_metric_that_no_trial_will_have_is_refused_before_they_run():
    config = fakes.FakeConfig({})
    check_metric(config, None)
    check_metric(config, "valid_accuracy")
    check_metric(config, "test_loss")
    with pytest.raises(ArgumentError, match="did you mean 'test_accuracy'"):
        check_metric(config, "test_acuracy")
    with pytest.raises(ArgumentError, match="no trial will have 'accuracy'"):
        check_metric(config, "accuracy")


def test_failed_trials_are_counted_and_explained(tmp_path):
    def results(trial):
        if trial.levels["network"] == "large":
            return Failure("train: the loss is nan at step 3", final=True)
        if trial.levels["optimizer.lr"] == "0.01" and trial.seed != 1:
            return Failure(f"the loss is {'nan' if trial.seed else 'inf'} | a_b") if trial.seed else None
        return accuracy_by_number(trial)

    sweep = swept(tmp_path, results=results)
    summary = read_summary(sweep)
    rates, networks = summary.tables()
    assert rates.texts()[1] == [
        "0.01", "0.9050", "0.20", "1/3", "seed 0: it has not been run; seed 2: the loss is nan | a_b",
    ]  # fmt: skip
    assert networks.texts()[1] == ["large", "—", "—", "0/3", "seeds 0, 1, 2: train: the loss is nan at step 3"]
    write_tables(sweep, summary)
    assert r"the loss is nan \| a_b" in (sweep.folder / "table.md").read_text()
    assert r"the loss is nan \textbar{} a\_b" in (sweep.folder / "table.tex").read_text()
    rows = list(csv.DictReader(io.StringIO((sweep.folder / "trials.csv").read_text())))
    assert [row["failed"] for row in rows][3:6] == ["it has not been run", "", "the loss is nan | a_b"]
    assert rows[3]["test_accuracy"] == ""


def test_when_all_failed_there_is_still_a_table(tmp_path):
    sweep = swept(tmp_path, results=lambda trial: Failure("the loss is nan"))
    summary = read_summary(sweep)
    assert summary.best() is None
    write_tables(sweep, summary)
    assert (sweep.folder / "table.md").read_text().count("the loss is nan") == 4


def test_a_result_that_is_not_finite_is_shown_and_never_best(tmp_path):
    summary = read_summary(swept(tmp_path, results=lambda t: {"test_accuracy": math.nan if t.number < 4 else 0.5}))
    assert summary.best() is summary.rows[1]
    assert summary.tables()[0].texts()[0][1] == "nan ± nan"


@pytest.mark.parametrize("options", [{"grid": True}, {"random": 3}])
def test_combinations_have_one_table_with_a_column_for_each_factor(tmp_path, options):
    summary = read_summary(swept(tmp_path, **options))
    (table,) = summary.tables()
    assert [column.heading for column in table.columns[:3]] == ["optimizer.lr", "network", "test accuracy"]
    assert len(table.rows) == (4 if "grid" in options else 3)
    assert len(table.best()) == 2


def test_seeds_alone_have_one_row(tmp_path):
    sweep = swept(tmp_path, vary=[])
    (table,) = read_summary(sweep).tables()
    assert table.texts() == [["0.9020 ± 0.0010", "0.61 ± 0.35"]]
    write_tables(sweep, read_summary(sweep))
    assert "mean ± standard deviation over 3 seeds" in (sweep.folder / "table.md").read_text().lower()


def test_printed_tables_show_what_belongs_to_the_metric():
    names = ["test_accuracy", "test_f1", "test_loss", "valid_accuracy", "valid_f1", "valid_loss", "train_accuracy"]
    assert shown_names(names, "test_accuracy") == [
        "test_accuracy", "test_f1", "valid_accuracy", "train_accuracy", "valid_loss",
    ]  # fmt: skip
    assert shown_names(["train_loss", "valid_loss"], "valid_loss") == ["valid_loss", "train_loss"]


def test_the_files_tell_neither_time_nor_place(tmp_path):
    found = []
    for place, seconds in (("a", 1.0), ("somewhere-else", 2.0)):
        sweep = swept(tmp_path / place, results=lambda t, s=seconds: {**accuracy_by_number(t), "seconds": s})
        names = [path.rpartition("/")[2] for path in write_tables(sweep, read_summary(sweep))]
        found.append({name: (sweep.folder / name).read_bytes() for name in names})
    assert found[0] == found[1]
    assert set(found[0]) == {"table.md", "table.tex", "table.csv", "trials.csv"}
    for text in found[0].values():
        assert b"second" not in text
        assert b"/" not in text


def test_raw_numbers_are_read_back_to_the_last_digit(tmp_path):
    sweep = swept(tmp_path, results=lambda t: {"test_accuracy": 0.1 + 0.2 * t.number, "train_loss": 1 / 3 / t.number})
    summary = read_summary(sweep)
    write_tables(sweep, summary)
    rows = list(csv.DictReader(io.StringIO((sweep.folder / "table.csv").read_text())))
    assert [float(row["test_accuracy"]) for row in rows] == [r.spread("test_accuracy").mean for r in summary.rows]
    assert [float(row["train_loss sd"]) for row in rows] == [r.spread("train_loss").deviation for r in summary.rows]
    assert [row["network"] for row in rows] == ["small", "small", "large"]
    trials = list(csv.DictReader(io.StringIO((sweep.folder / "trials.csv").read_text())))
    assert [float(row["train_loss"]) for row in trials] == [1 / 3 / n for n in range(1, 10)]
    assert [row["trial"] for row in trials][:2] == ["0001", "0002"]


def test_markdown_says_what_is_shown(tmp_path):
    sweep = swept(tmp_path, fixed=["data.limit=5"])
    write_tables(sweep, read_summary(sweep))
    text = (sweep.folder / "table.md").read_text()
    assert text.startswith(
        "# tiny_net\n\nOne factor at a time, the others as in the recipe; mean ± standard deviation over 3 seeds; "
        "the best of each column in bold.\n\nSet for all trials: `data.limit=5`.\n\n## optimizer.lr\n\n"
        "The recipe has 0.1.\n\n| optimizer.lr |"
    )
    assert "| **0.9050 ± 0.0010** |" in text


def test_names_are_taken_as_text(tmp_path):
    sweep = swept(tmp_path, vary=["*rate* & _x_: optimizer.lr=a|b=0.1,c%=0.01"])
    write_tables(sweep, read_summary(sweep))
    text, latex = (sweep.folder / "table.md").read_text(), (sweep.folder / "table.tex").read_text()
    assert r"## \*rate\* & \_x\_" in text
    assert r"| a\|b" in text
    assert r"\caption{*rate* \& \_x\_: one factor" in latex
    assert r"  c\% &" in latex


def test_pictures_of_all_trials_and_of_each_factor(tmp_path):
    pytest.importorskip("matplotlib")
    vary = ["optimizer.lr=0.1,0.01", "网络: model.layers=small=[4,2],large=[4,9,2]"]
    sweep = swept(tmp_path, vary=vary, results=lambda t: accuracy_by_number(t) if t.number != 2 else None)
    drawn = draw_pictures(sweep, read_summary(sweep))
    names = {path.rpartition("/")[2] for path in drawn}
    assert names == {
        "curves-loss.png", "curves-valid-accuracy.png",
        "curves-optimizer.lr-loss.png", "curves-optimizer.lr-valid-accuracy.png",
        "curves-网络-loss.png", "curves-网络-valid-accuracy.png",
        "factor-optimizer.lr.png", "factor-网络.png",
    }  # fmt: skip
    assert all((sweep.pictures / name).read_bytes().startswith(b"\x89PNG") for name in names)


@pytest.mark.parametrize("options", [{"grid": True}, {"random": 4}])
def test_pictures_of_combinations(tmp_path, options):
    pytest.importorskip("matplotlib")
    sweep = swept(tmp_path, **options)
    names = {path.rpartition("/")[2] for path in draw_pictures(sweep, read_summary(sweep))}
    assert names == {"curves-loss.png", "curves-valid-accuracy.png", "factor-optimizer.lr.png", "factor-network.png"}
