import json
import os

import pytest

from tapegrad.board import findings, follow
from tapegrad.board.files import open_plain
from tapegrad.board.follow import Follower


def line(step, **more):
    return (
        json.dumps({"event": "epoch", "time": 1.0, "epoch": step, "step": step, "loss": 1 / (step + 1), **more}) + "\n"
    )


@pytest.fixture
def events(tmp_path):
    return tmp_path / "events.jsonl"


@pytest.fixture
def follower(tmp_path):
    return Follower(tmp_path)


def steps(follower, name="loss"):
    return follower.series[name].view(10_000)["step"] if name in follower.series else []


def test_only_what_is_new_is_read(events, follower, monkeypatch):
    events.write_text(line(1) + line(2))
    assert follower.poll()
    read = []
    take = follower._take
    monkeypatch.setattr(follower, "_take", lambda lines: (read.extend(lines), take(lines)))
    assert not follower.poll()
    with open(events, "a") as file:
        file.write(line(3))
    assert follower.poll()
    assert [json.loads(entry)["step"] for entry in read if entry] == [3]
    assert steps(follower) == [1, 2, 3]


def test_a_line_that_is_being_written_waits_for_its_end(events, follower):
    text = line(1) + line(2)
    events.write_text(text[:-10])
    follower.poll()
    assert steps(follower) == [1]
    events.write_text(text)
    follower.poll()
    assert steps(follower) == [1, 2]


def test_lines_longer_than_a_chunk_are_joined(events, follower, monkeypatch):
    monkeypatch.setattr(follow, "_CHUNK", 16)
    events.write_text(line(1) + line(2) + line(3))
    follower.poll()
    assert steps(follower) == [1, 2, 3]


def test_a_resumed_training_takes_events_back(events, follower):
    events.write_text("".join(map(line, (1, 2, 3))))
    follower.poll()
    before = follower.generation
    again = events.with_name("new")
    again.write_text("".join(map(line, (1, 2, 2.5))))
    os.replace(again, events)
    follower.poll()
    assert follower.generation != before
    assert steps(follower) == [1, 2, 2.5]


def test_a_file_rewritten_in_place_with_other_content_is_read_again(events, follower):
    events.write_text(line(1) + line(2))
    follower.poll()
    events.write_text(line(7) + line(8) + line(9))
    follower.poll()
    assert steps(follower) == [7, 8, 9]


def test_a_new_file_is_read_again_however_alike_its_end_is(events, follower):
    events.write_text("".join(map(line, range(10, 20))))
    follower.poll()
    again = events.with_name("new")
    again.write_text(line(10, loss=0.08080808080808081) + "".join(map(line, range(11, 20))))
    assert again.stat().st_size == events.stat().st_size
    os.replace(again, events)
    follower.poll()
    assert follower.series["loss"].view(100)["value"][0] == 0.08080808080808081


def test_a_folder_that_disappears_is_an_empty_run_and_comes_back(events, follower):
    events.write_text(line(1))
    follower.poll()
    events.unlink()
    assert follower.poll()
    assert steps(follower) == []
    assert not follower.poll()
    events.write_text(line(1))
    follower.poll()
    assert steps(follower) == [1]


HOSTILE = [
    "[" * 100_000,
    '{"event": "epoch", "step": ' + "9" * 10_000 + "}",
    '{"event": "epoch", "step": 1' + "0" * 400 + ', "loss": 1}',
    '{"event": "epoch", "step": true, "loss": 1}',
    '{"event": "epoch", "step": "NaN", "loss": 1}',
    '{"event": "epoch", "step": {"a": 1}, "loss": 1}',
    '{"event": ["epoch"], "step": 3, "loss": 1}',
    '{"event": "statistics", "step": 3, "layers": [1, 2]}',
    '{"event": "statistics", "step": 3, "layers": {"a": 3, "b": {"activation": {"mean": "x", "histogram": {"counts": 5}}}}}',
    '{"event": "statistics", "step": 9007199254740993000, "layers": {"a": {}}}',
    '{"event": "finding", "fault": {"x": 1}, "since": "y"}',
    '{"event": "start", "time": "never", "pid": -1, "host": 5}',
    "null", "3", '"x"', "\x00\x00", "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "{" * 5 + "}" * 5,
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:30])
def test_hostile_lines_are_passed_over(events, follower, text):
    events.write_bytes(line(1).encode() + text.encode("utf-8", "replace") + b"\n" + line(2).encode())
    assert follower.poll()
    assert steps(follower) == [1, 2]
    assert set(follower.layers.view(10)) == {"steps", "layers"}


def test_values_without_a_number_stay_what_they_are(events, follower):
    events.write_text(line(1, loss="NaN") + line(2, loss="Infinity") + line(3, loss=0.5))
    follower.poll()
    view = follower.series["loss"].view(10)
    assert view["value"][1:] == [float("inf"), 0.5]
    assert view["value"][0] != view["value"][0]
    assert follower.best["loss"] == 0.5


def test_a_line_without_end_is_dropped(events, follower, monkeypatch):
    monkeypatch.setattr(follow, "_LONGEST_LINE", 1000)
    monkeypatch.setattr(follow, "_CHUNK", 100)
    events.write_text(line(1) + "x" * 5000)
    follower.poll()
    assert len(follower._pending) <= 1100
    with open(events, "a") as file:
        file.write("\n" + line(2))
    follower.poll()
    assert steps(follower) == [1, 2]


def test_no_more_names_are_followed_than_fit(events, follower):
    events.write_text(line(1, **{f"name{i}": 1.0 for i in range(1000)}))
    follower.poll()
    assert len(follower.series) == len(follower.record) - 1 == 100
    with open(events, "a") as file:
        file.write(line(2, **{f"name{i}": 2.0 for i in reversed(range(1000))}))
    follower.poll()
    assert len(follower.series) == 100
    assert all(len(steps(follower, name)) == 2 for name in follower.series)


def test_long_names_are_not_followed(events, follower):
    events.write_text(line(1, **{"x" * 101: 1.0}) + json.dumps({"event": "statistics", "step": 1, "layers": {"y" * 101: {"update_ratio": 1}}}) + "\n")  # fmt: skip
    follower.poll()
    assert list(follower.series) == ["epoch", "loss"]
    assert follower.layers.view(1)["layers"] == {}


def test_only_the_first_courses_keep_every_value(events, follower, monkeypatch):
    monkeypatch.setattr(follow, "_MOST_LONG", 3)
    monkeypatch.setattr(follow, "_FEW", 4)
    events.write_text("".join(line(step, a=1.0, b=1.0, c=1.0) for step in range(40)))
    follower.poll()
    assert [len(steps(follower, name)) for name in ("loss", "a", "b", "c")] == [40, 40, 3, 3]


def test_a_finding_is_kept_in_bounds(events, follower):
    long = "w" * 100_000
    fields = {"fault": long, "where": long, "advice": long, "since": 1 << 60, "severity": "x", "more": long}
    evidence = {"loss": 1.0, "series": [[1, 2]] * 100_000, long: 1, "names": long, **{f"e{i}": i for i in range(1000)}}
    events.write_text(json.dumps({"event": "finding", **fields, "evidence": evidence}) + "\n")
    for _ in range(3):
        with open(events, "a") as file:
            file.writelines(json.dumps({"event": "finding", "fault": "dead-units"}) + "\n" for _ in range(100))
        follower.poll()
    assert len(follower.findings) == 200
    first = findings.told(follower.findings[0])
    assert (first["since"], first["severity"], "more" in first) == (0, 0.0, False)
    assert first["evidence"]["loss"] == 1.0
    assert len(json.dumps(first)) < 20_000


@pytest.mark.parametrize("depth", [60, 600])
def test_evidence_too_deep_to_be_written_again_is_left_out(events, follower, depth):
    evidence = f'{{"deep": {"[" * depth}NaN{"]" * depth}, "loss": 1.5}}'
    events.write_text(f'{{"event": "finding", "fault": "dying", "evidence": {evidence}}}\n')
    follower.poll()
    assert [findings.told(finding)["evidence"] for finding in follower.findings] == [{"loss": 1.5}]


def test_links_and_pipes_are_not_read(tmp_path, follower):
    elsewhere = tmp_path / "elsewhere.jsonl"
    elsewhere.write_text(line(1))
    os.symlink(elsewhere, tmp_path / "events.jsonl")
    follower.poll()
    assert steps(follower) == []
    os.unlink(tmp_path / "events.jsonl")
    os.mkfifo(tmp_path / "events.jsonl")
    follower.poll()
    assert steps(follower) == []
    with pytest.raises(OSError, match="is no file"):
        open_plain(tmp_path, "events.jsonl")
    (tmp_path / "linked").symlink_to(tmp_path)
    with pytest.raises(OSError, match="linked is no folder"):
        open_plain(tmp_path, "linked", "elsewhere.jsonl")


def test_layers_have_a_value_at_each_step(events, follower):
    def statistics(step, **layers):
        return json.dumps({"event": "statistics", "step": step, "layers": layers}) + "\n"

    early = {"kind": "Linear", "activation": {"mean": 1.0, "histogram": {"low": 0, "high": 1, "counts": [1, 2]}}}
    late = {"kind": "ReLU", "activation": {"mean": 2.0, "dead_share": 0.5}}
    events.write_text(statistics(1, a=early))
    follower.poll()
    with open(events, "a") as file:
        file.write(statistics(2, a=early, b=late))
    follower.poll()
    view = follower.layers.view(100)
    assert view["steps"] == [1, 2]
    assert view["layers"]["a"]["mean"] == [1.0, 1.0]
    assert view["layers"]["a"]["histogram"]["counts"] == [1, 2]
    assert view["layers"]["b"]["dead_share"] == [None, 0.5]
