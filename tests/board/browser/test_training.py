"""A training is started from the page, watched, and stopped there."""

import re

import pytest

from tapegrad.train import Run
from tests.board.conftest import serving


@pytest.fixture
def empty(tmp_path):
    with serving(tmp_path) as client:
        yield client


def test_a_training_is_started_its_curve_grows_and_it_is_stopped(visit, empty, tmp_path):
    watched = visit(empty)
    page = watched.open("/")
    assert "No runs yet" in watched.settled()
    page.locator(".empty").get_by_role("link", name="New training").click()
    page.locator(".recipe-card", has_text="digits/best").click()
    page.get_by_role("textbox", name="Epochs").fill("2000")
    page.get_by_role("textbox", name="Learning rate").fill("0.001")
    page.get_by_label("Other keys").fill("training.compile=false\nmodel.layers=[64, 10]")
    assert "optimizer.lr=0.001" in page.inner_text(".command")
    page.get_by_role("button", name="Start training").click()
    page.wait_for_url(re.compile(r"#/run/\d+"))

    chart = page.locator(".chart-frame").first
    last = "Number(document.querySelector('.chart-frame')?.getAttribute('aria-valuemax'))"
    chart.wait_for()
    for _ in range(2):
        seen = page.evaluate(last)
        page.wait_for_function(f"seen => {last} > seen", arg=seen)
    assert "running" in page.inner_text(".run-head")

    page.get_by_role("button", name="Stop").click()
    page.wait_for_function("() => document.querySelector('.run-head').innerText.includes('interrupted')")
    (run,) = (Run(folder) for folder in tmp_path.iterdir() if folder.is_dir())
    epochs = run.events("epoch")
    assert 2 <= len(epochs) < 2000
    assert epochs[0]["rate"] <= 0.001
    page.wait_for_function(f"step => {last} === step", arg=epochs[-1]["step"])
    assert run.newest_checkpoint is not None


def test_what_does_not_fit_is_told_before_anything_starts(visit, empty, tmp_path):
    watched = visit(empty)
    page = watched.open("/new?recipe=digits%2Fbest")
    watched.settled()
    page.get_by_label("Other keys").fill("not a key")
    assert page.get_by_role("button", name="Start training").is_disabled()
    page.get_by_label("Other keys").fill("model.activation=ReLUU")
    page.get_by_role("button", name="Start training").click()
    assert "did you mean 'ReLU'" in page.locator(".errorbox").inner_text()
    assert not list(tmp_path.iterdir())
    watched.said.clear()  # the browser's own note of the 400


def test_a_refusal_speaks_the_pages_language_and_the_page_says_where_a_run_would_lie(visit, empty, tmp_path):
    watched = visit(empty, locale="zh-CN")
    page = watched.open("/new?recipe=digits%2Fbest")
    assert f"训练记录写入 {tmp_path}。" in watched.settled()
    page.locator("#more-overrides").fill("data.root=/elsewhere")
    page.get_by_role("button", name="开始训练").click()
    said = page.locator(".errorbox")
    said.filter(has_text="从页面启动的训练只读取配方自己的文件").wait_for()
    assert "请使用 `tapegrad train`" in said.inner_text()
    page.get_by_role("button", name="English").click()
    said.filter(has_text="a training from the page reads the recipe's own files alone").wait_for()
    assert f"Its folder is made in {tmp_path}." in page.inner_text("main")
    watched.said.clear()  # the browser's own note of the 400


ENDLESS = """() => document.getAnimations()
  .filter(one => one.effect.getComputedTiming().iterations === Infinity)
  .map(one => `${one.animationName} of ${one.effect.target.className}`)"""


def test_a_live_training_animates_nothing_without_end(visit, tmp_path):
    """An endless animation is drawn sixty times a second, whether or not anything is new."""
    with serving(tmp_path) as client:
        epochs = {"training.epochs": 100_000, "training.compile": False, "model.layers": [64, 10]}
        status, said = client.post("/api/trainings", {"recipe": "digits", "overrides": epochs})
        assert status == 200, said
        try:
            watched = visit(client)
            page = watched.page
            for route in (
                "/",
                *(f"/run/{said['id']}/{tab}" for tab in ("curves", "findings", "graph", "data", "steps")),
            ):
                watched.open(route)
                watched.settled()
                page.locator("main .status", has_text="running").first.wait_for()
                assert page.evaluate(ENDLESS) == [], route
        finally:
            client.post(f"/api/trainings/{said['id']}/stop", {})
        page.locator(".run-head", has_text="interrupted").wait_for()
