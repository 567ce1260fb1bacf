"""What --vary, --grid, --random and --seeds make of a recipe: which trials, and what is refused before any runs."""

import itertools
import json
import random

import pytest
import sweep_fakes as fakes

from tapegrad.errors import ArgumentError, FileFormatError
from tapegrad.lab.sweep import make_plan, parse_factor, parse_seeds
from tapegrad.lab.sweep.levels import Range, split_top
from tapegrad.lab.sweep.plan import flow, read_plan, write_plan

OWN = {"seed": 3, "optimizer": {"type": "SGD", "lr": 0.1}, "model": {"layers": [784, 100, 10]}}
load = fakes.loader(OWN)


def labels(plan):
    return [tuple(levels.values()) for levels, _ in plan.settings()]


# -- the text of --vary -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name", "levels"),
    [
        ("optimizer.lr=1e-2,1e-3", "optimizer.lr", {"1e-2": ["optimizer.lr=1e-2"], "1e-3": ["optimizer.lr=1e-3"]}),
        (
            "model.layers=[784,100,10],[784, 400, 10]",
            "model.layers",
            {"[784,100,10]": ["model.layers=[784,100,10]"], "[784, 400, 10]": ["model.layers=[784, 400, 10]"]},
        ),
        (
            "optimizer={type: SGD, lr: 0.1},{type: Adam, betas: [0.9, 0.99]}",
            "optimizer",
            {
                "{type: SGD, lr: 0.1}": ["optimizer={type: SGD, lr: 0.1}"],
                "{type: Adam, betas: [0.9, 0.99]}": ["optimizer={type: Adam, betas: [0.9, 0.99]}"],
            },
        ),
        (
            "network: model.layers=small=[784,10], large =[784,400,10]",
            "network",
            {"small": ["model.layers=[784,10]"], "large": ["model.layers=[784,400,10]"]},
        ),
        (
            "学习率: optimizer.lr=小=0.1,大=1",
            "学习率",
            {"小": ["optimizer.lr=0.1"], "大": ["optimizer.lr=1"]},
        ),
        (
            "a=1,2; b=x,y",
            "a + b",
            {"1, x": ["a=1", "b=x"], "2, y": ["a=2", "b=y"]},
        ),
        ("hidden: a=1,2; b=1,2", "hidden", {"1": ["a=1", "b=1"], "2": ["a=2", "b=2"]}),
        ("both: a=one=1,two=2; b=x,y", "both", {"one": ["a=1", "b=x"], "two": ["a=2", "b=y"]}),
        ("title='a,b',\"c;d\"", "title", {"'a,b'": ["title='a,b'"], '"c;d"': ['title="c;d"']}),
        ("title=don't,do", "title", {"don't": ["title=don't"], "do": ["title=do"]}),
        ("model.module=net.py:A,net.py:B", "model.module", {"net.py:A": ["model.module=net.py:A"], "net.py:B": ["model.module=net.py:B"]}),
        ("model.activation={type: LeakyReLU, negative_slope: 0.1}", "model.activation", {"{type: LeakyReLU, negative_slope: 0.1}": ["model.activation={type: LeakyReLU, negative_slope: 0.1}"]}),
        ("schedule=null,{type: StepLR, step_size: 3}", "schedule", {"null": ["schedule=null"], "{type: StepLR, step_size: 3}": ["schedule={type: StepLR, step_size: 3}"]}),
    ],
)  # fmt: skip
def test_levels_are_split_where_yaml_ends(text, name, levels):
    factor = parse_factor(text)
    assert factor.name == name
    assert {level.label: list(level.overrides) for level in factor.levels} == levels


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("optimizer.lr", "is no KEY=LEVEL"),
        ("=1,2", "is no KEY=LEVEL"),
        ("a b=1,2", "is no KEY=LEVEL"),
        ("optimizer.lr=", "empty level"),
        ("optimizer.lr=1,,2", "empty level"),
        ("optimizer.lr=1,2,", "empty level"),
        ("model.layers=[784,10", "no closing ]"),
        ("model.layers=784,10]", "a ']' too many"),
        ("model.layers=[784,10}", "a '}' too many"),
        ("title='a,b", "no closing '"),
        ("optimizer.lr=0.1,0.1", "'0.1' of optimizer.lr is there twice"),
        ("a=1,2; b=3", "equally many levels, but a has 2, b has 1"),
        ("a=1,2; a=3,4", "names a key twice"),
        ("seed=1,2", "the seed is no factor"),
        ("optimizer.lr=log:0..1", "no logarithm"),
        ("optimizer.lr=uniform:1..1", "empty range"),
        ("optimizer.lr=uniform:0..inf", "empty range"),
        ("optimizer.lr=int:0.5..2", "no numbers"),
        ("optimizer.lr=log:a..b", "no numbers"),
        ("optimizer.lr=0.1,log:1e-3..1", "beside other levels"),
        ("optimizer.lr=log:1e-3..1; b=2", "together with another key"),
    ],
)
def test_what_cannot_be_a_factor_is_refused_in_one_sentence(text, said):
    with pytest.raises(ArgumentError) as caught:
        parse_factor(text)
    assert said in str(caught.value)
    assert "; " in str(caught.value)


def test_splitting_respects_nesting():
    assert split_top("{a: [1, (2, 3)]}, x", ",") == ["{a: [1, (2, 3)]}", "x"]
    assert split_top("", ",") == [""]


@pytest.mark.parametrize(
    ("text", "own", "seeds"),
    [("5", 0, (0, 1, 2, 3, 4)), ("2", 7, (7, 8)), ("0,1,7", 3, (0, 1, 7)), (None, 3, (3,)), ("9,", 0, (9,))],
)
def test_seeds(text, own, seeds):
    assert parse_seeds(text, own) == seeds


@pytest.mark.parametrize("text", ["0", "-1", "a", "1,1", "1,,2", "", "1.5", "99999999999", "2147483648,", "20000", "٣"])
def test_seeds_that_are_none(text):
    with pytest.raises(ArgumentError, match="--seeds"):
        parse_seeds(text, 0)


# -- one factor at a time -----------------------------------------------------------------------------------------------


def test_the_recipes_own_values_are_trained_once_and_shared():
    plan = make_plan(load, ["optimizer.lr=1e-1,1e-2,1e-3", "model.layers=[784,100,10],[784,400,10]"], seeds="2")
    assert labels(plan) == [
        ("1e-1", "[784,100,10]"),
        ("1e-2", "[784,100,10]"),
        ("1e-3", "[784,100,10]"),
        ("1e-1", "[784,400,10]"),
    ]
    assert [trial.seed for trial in plan.trials] == [3, 4] * 4
    assert [trial.number for trial in plan.trials] == list(range(1, 9))
    assert [factor.own for factor in plan.factors] == ["1e-1", "[784,100,10]"]
    assert plan.trials[0].overrides == ()
    assert plan.trials[2].overrides == ("optimizer.lr=1e-2",)


def test_own_values_that_are_no_level_become_one():
    plan = make_plan(load, ["optimizer.lr=1e-2,1e-3", "optimizer.momentum=0.9", "network: model.layers=[784,10]"])
    assert [factor.own for factor in plan.factors] == ["0.1", "default", "[784, 100, 10]"]
    assert [len(factor.levels) for factor in plan.factors] == [3, 2, 2]
    assert len(plan.trials) == 1 + 2 + 1 + 1


def test_a_level_named_like_the_own_value_is_told_apart():
    plan = make_plan(load, ["optimizer.lr=0.1=0.2"])
    assert [level.label for level in plan.factors[0].levels] == ["0.1 (recipe)", "0.1"]


def test_keys_that_vary_together_with_one_value_have_one_label():
    plan = make_plan(fakes.loader({"a": 5, "b": 5}), ["a=6; b=6"])
    assert [level.label for level in plan.factors[0].levels] == ["5", "6"]


def test_the_label_of_an_own_file_has_no_folder():
    own = {"model": {"module": "/home/me/net.py:Net"}}
    assert make_plan(fakes.loader(own), ["model.module=b.py:B"]).factors[0].own == "net.py:Net"


def test_fixed_overrides_make_the_base():
    plan = make_plan(load, ["optimizer.lr=1e-2,1e-3"], fixed=["optimizer.lr=0.01", "data.limit=5"])
    assert plan.factors[0].own == "1e-2"
    assert len(plan.trials) == 2
    assert plan.fixed == ("optimizer.lr=0.01", "data.limit=5")


def test_seeds_alone_make_a_sweep():
    plan = make_plan(load, [], seeds="0,1,2")
    assert [(trial.levels, trial.seed) for trial in plan.trials] == [({}, 0), ({}, 1), ({}, 2)]


def test_every_configuration_is_asked_for_before_anything_runs():
    asked = []
    make_plan(fakes.loader(OWN, asked), ["optimizer.lr=1,2,3", "a=1,2"], grid=True, fixed=["b=1"], seeds="3")
    combined = [["b=1", f"optimizer.lr={rate}", f"a={a}"] for rate in (1, 2, 3) for a in (1, 2)]
    assert all(overrides in asked for overrides in combined)


def test_a_bad_configuration_is_refused():
    with pytest.raises(ArgumentError, match=r"optimizer\.lr is -1"):
        make_plan(load, ["optimizer.lr=0.1,-1"])


def test_a_combination_that_is_bad_only_together_is_refused():
    def picky(overrides):
        config = load(overrides)
        if config.values.get("a") == 2 and config.values["optimizer"]["lr"] == 0.5:
            raise ArgumentError("recipe", "a and lr do not fit", "choose others")
        return config

    assert len(make_plan(picky, ["optimizer.lr=0.1,0.5", "a=1,2"]).trials) == 4
    with pytest.raises(ArgumentError, match="a and lr do not fit"):
        make_plan(picky, ["optimizer.lr=0.1,0.5", "a=1,2"], grid=True)


@pytest.mark.parametrize("options", [{}, {"grid": True}, {"random": 1}])
def test_two_levels_that_mean_the_same_are_refused(options):
    with pytest.raises(ArgumentError, match=r"'0.01' and '1e-2' of optimizer.lr are the same"):
        make_plan(load, ["optimizer.lr=0.01,1e-2"], **options)


@pytest.mark.parametrize(
    ("vary", "said"),
    [
        (["optimizer.lr=1,2", "optimizer.lr=3"], "is there twice"),
        (["a: optimizer.lr=1,2", "b: optimizer.lr=3"], "both set optimizer.lr"),
        (["optimizer={type: Adam}", "optimizer.lr=3"], "both set optimizer.lr"),
        (["optimizer.lr=log:1e-3..1"], "--random 20"),
    ],
)
def test_factors_that_get_in_each_others_way_are_refused(vary, said):
    with pytest.raises(ArgumentError) as caught:
        make_plan(load, vary)
    assert said in str(caught.value)


def test_keys_that_only_start_alike_are_two():
    assert len(make_plan(load, ["optimizer.lr=1,2", "optimizer.lr_decay=1,2"]).factors) == 2
    assert len(make_plan(load, ["optimizer.lr_decay=1,2", "optimizer.lr=1,2"]).factors) == 2


# -- grids and random trials ----------------------------------------------------------------------------------------------


def test_a_grid_has_every_combination():
    plan = make_plan(load, ["optimizer.lr=1,2,3", "a=1,2"], grid=True, seeds="2")
    assert labels(plan) == list(itertools.product("123", "12"))
    assert len(plan.trials) == 12
    assert plan.trials[2].overrides == ("optimizer.lr=1", "a=2")


def test_random_trials_are_different_and_the_same_each_time():
    vary = ["optimizer.lr=log:1e-4..1e-1", "a=int:1..3", "b=x,y"]
    plan = make_plan(load, vary, random=30, seeds="2")
    assert len(set(labels(plan))) == 30
    assert len(plan.trials) == 60
    assert plan.trials == make_plan(load, vary, random=30, seeds="2").trials
    assert plan.trials != make_plan(load, vary, random=30, seeds="2", draw_seed=1).trials
    rates = sorted(float(rate) for rate, _, _ in labels(plan))
    assert 1e-4 <= rates[0] < 1e-3 < 1e-2 < rates[-1] <= 1e-1
    assert {a for _, a, _ in labels(plan)} == {"1", "2", "3"}
    assert {b for _, _, b in labels(plan)} == {"x", "y"}


def test_random_trials_of_levels_can_exhaust_them_and_no_more():
    vary = ["a=1,2,3", "b=int:1..2"]
    assert sorted(labels(make_plan(load, vary, random=6))) == sorted(itertools.product("123", "12"))
    with pytest.raises(ArgumentError, match="7 is more than the 6 combinations"):
        make_plan(load, vary, random=7)
    with pytest.raises(ArgumentError, match="0 trials"):
        make_plan(load, vary, random=0)


def test_drawn_values_are_what_their_labels_say():
    generator = random.Random(0)
    for kind, low, high in (("log", 1e-5, 1.0), ("uniform", -1.0, 2.0), ("int", 3, 5)):
        for _ in range(200):
            text = Range(kind, low, high).draw(generator)
            assert low <= float(text) <= high
            assert (repr(int(text)) if kind == "int" else repr(float(text))) == text


def test_grid_and_random_exclude_each_other():
    with pytest.raises(ArgumentError, match="both given"):
        make_plan(load, ["a=1,2"], grid=True, random=2)


def test_too_many_trials_are_refused_before_they_are_listed():
    vary = [f"{key}=" + ",".join(map(str, range(60))) for key in "abc"]
    with pytest.raises(ArgumentError, match="216,000 trials"):
        make_plan(load, vary, grid=True)


# -- the file -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"grid": True}, {"random": 3}])
def test_a_plan_is_read_back_equal(tmp_path, options):
    vary = ["学习率: optimizer.lr=小=0.1,大=1", "a=int:1..9" if options.get("random") else "a=1,2"]
    plan = make_plan(load, vary, name="x", seeds="2", fixed=["b=1"], metric="test_mae", command="tapegrad …", **options)
    write_plan(plan, tmp_path / "sweep.json")
    assert read_plan(tmp_path / "sweep.json") == plan


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v.pop("trials"),
        lambda v: v.update(version=99),
        lambda v: v.update(trials=[]),
        lambda v: v.update(mode="other"),
        lambda v: v["trials"][0].update(seed="x"),
        lambda v: v["trials"][0].update(extra=1),
        lambda v: v.update(factors=3),
        lambda v: v["factors"][0].pop("levels"),
    ],
)
def test_a_damaged_plan_is_one_sentence(tmp_path, change):
    path = tmp_path / "sweep.json"
    write_plan(make_plan(load, ["a=1,2"]), path)
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))
    with pytest.raises(FileFormatError, match="is no plan of a sweep"):
        read_plan(path)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null", "[" * 100_000])
def test_what_is_no_plan_is_one_sentence(tmp_path, text):
    (tmp_path / "sweep.json").write_text(text)
    with pytest.raises(FileFormatError, match="is no plan of a sweep"):
        read_plan(tmp_path / "sweep.json")


def test_values_are_written_as_a_person_would():
    assert flow([784, 10]) == "[784, 10]"
    assert flow({"type": "StepLR", "x": None, "y": True, "z": 1e-3}) == "{type: StepLR, x: null, y: true, z: 0.001}"
