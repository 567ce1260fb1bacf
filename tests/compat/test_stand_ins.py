"""What stands in for devices and services that are not there."""

import pickle

import numpy as np
import pytest

import tapegrad as tg
from tapegrad.errors import ArgumentError, DeviceError, DTypeError, MissingMethodError, StateError


@pytest.mark.parametrize("room", ["cuda", "mps", "xpu", "mtia", "accelerator"])
def test_devices_are_not_there(room):
    room = getattr(tg, room)
    assert room.is_available() is False
    assert room.device_count() == 0
    assert room.synchronize() is None
    assert room.empty_cache() is None
    assert room.memory_allocated() == 0
    with pytest.raises(StateError, match="no such device; ask is_available"):
        (room.current_device if hasattr(room, "current_device") else room.current_device_index)()


def test_the_usual_choice_of_a_device_is_the_cpu():
    assert tg.device("cuda" if tg.cuda.is_available() else "cpu") == tg.device("cpu")
    assert tg.accelerator.current_accelerator() is None
    assert tg.cpu.is_available()
    assert not tg.backends.mps.is_available()
    assert not tg.backends.mps.is_built()
    assert not tg.cuda.is_bf16_supported()


def test_orders_to_a_device_change_nothing():
    tg.manual_seed(3)
    expected = tg.rand(2)
    tg.manual_seed(3)
    tg.cuda.manual_seed(1)
    tg.cuda.manual_seed_all(1)
    tg.cuda.set_device(0)
    tg.backends.cudnn.benchmark = True
    tg.backends.cuda.matmul.allow_tf32 = True
    with tg.cuda.device(0), tg.cuda.stream(tg.cuda.Stream()), tg.backends.cudnn.flags(enabled=False):
        assert tg.equal(tg.rand(2), expected)


def test_events_measure_milliseconds():
    start, end = tg.cuda.Event(enable_timing=True), tg.cuda.Event(enable_timing=True)
    with pytest.raises(StateError, match="not recorded"):
        start.elapsed_time(end)
    start.record()
    end.record()
    end.moment = start.moment + 0.5
    assert start.elapsed_time(end) == pytest.approx(500)


def test_tensor_types_of_a_device():
    assert not isinstance(tg.ones(1), tg.cuda.FloatTensor)
    with pytest.raises(StateError, match=r"use torch\.LongTensor"):
        tg.cuda.LongTensor(3)
    with pytest.raises(AttributeError):
        _ = tg.cuda.WoodTensor


def test_autocast_computes_in_float32_as_context_and_decorator():
    layer = tg.nn.Linear(2, 2)
    for context in (tg.autocast("cuda", dtype=tg.bfloat16), tg.cuda.amp.autocast(), tg.cpu.amp.autocast(enabled=True)):
        with context:
            assert layer(tg.ones(1, 2)).dtype == tg.float32

    @tg.amp.autocast("cpu")
    def double(x):
        return x + x

    assert double(tg.ones(1)).tolist() == [2.0]


def test_the_scaler_passes_losses_and_steps_through():
    weight = tg.nn.Parameter(tg.ones(2))
    optimizer = tg.optim.SGD([weight], lr=0.5)
    scaler = tg.amp.GradScaler("cuda")
    loss = weight.sum()
    assert scaler.scale(loss) is loss
    loss.backward()
    scaler.unscale_(optimizer)
    scaler.step(optimizer)
    scaler.update()
    assert weight.tolist() == [0.5, 0.5]
    scaler.load_state_dict(scaler.state_dict())
    assert tg.cuda.amp.GradScaler().get_scale() == 1.0


def test_scripting_and_tracing_give_the_thing_itself():
    net = tg.nn.Linear(2, 2)
    assert tg.jit.script(net) is net
    assert tg.jit.trace(net, tg.ones(1, 2)) is net

    @tg.jit.ignore(drop=True)
    def first():
        return 1

    @tg.jit.ignore
    def second():
        return tg.jit.wait(tg.jit.fork(lambda x: x + 1, 1))

    assert (first(), second()) == (1, 2)
    assert not tg.jit.is_scripting()
    with pytest.raises(MissingMethodError, match="state_dict"):
        tg.jit.load("model.pt")


def test_what_is_planned_or_not_there_says_so():
    with pytest.raises(MissingMethodError, match="writing ONNX files is planned"):
        tg.onnx.export(tg.nn.Linear(1, 1), tg.ones(1), "a.onnx")
    assert not tg.distributed.is_available()
    assert not tg.distributed.is_initialized()
    with pytest.raises(StateError, match="train in one"):
        tg.distributed.init_process_group("gloo")
    with pytest.raises(ArgumentError, match="is_initialized"):
        tg.distributed.get_rank()


def test_weights_are_read_where_others_downloaded_them(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(MissingMethodError, match=r"net\.pth is not there; put https://example\.org/net\.pth there"):
        tg.hub.load_state_dict_from_url("https://example.org/net.pth")
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    tg.save({"w": tg.ones(2)}, tmp_path / "hub" / "checkpoints" / "net.pth")
    assert tg.utils.model_zoo.load_url("https://example.org/net.pth")["w"].tolist() == [1.0, 1.0]


@pytest.mark.parametrize("name", ["bfloat16", "float8_e4m3fn", "qint8", "complex32", "int4", "uint3"])
def test_dtypes_that_numpy_has_not_can_be_named_and_not_used(name):
    dtype = getattr(tg, name)
    assert dtype == getattr(tg, name)
    assert {dtype: 1, tg.float32: 2}[getattr(tg, name)] == 1
    assert dtype != tg.float32
    assert pickle.loads(pickle.dumps(dtype)) == dtype
    for ask in (
        lambda: tg.zeros(2, dtype=dtype),
        lambda: tg.ones(2).to(dtype),
        lambda: tg.tensor([1.0], dtype=dtype),
        lambda: tg.nn.Linear(2, 2).to(dtype),
        lambda: np.zeros(2, dtype),
    ):
        with pytest.raises(DTypeError, match=f"{name}: NumPy has no such dtype; use "):
            ask()


def test_allowed_classes_are_read_from_files(tmp_path):
    path = tmp_path / "net.pt"
    net = tg.nn.Sequential(tg.nn.Linear(2, 3), tg.nn.ReLU())
    tg.save(net, path)
    with pytest.raises(ValueError, match=r"asks for tapegrad\.nn\.container\.Sequential"):
        tg.load(path)
    with tg.serialization.safe_globals([tg.nn.Sequential, tg.nn.Linear, tg.nn.ReLU]):
        again = tg.load(path)
    assert tg.equal(again(tg.ones(1, 2)), net(tg.ones(1, 2)))
    assert tg.serialization.get_safe_globals() == []
    with pytest.raises(ValueError, match="asks for"):
        tg.load(path)


def test_whole_modules_of_pytorch_are_read_when_their_classes_are_allowed(tmp_path):
    torch = pytest.importorskip("torch")
    theirs = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh())
    torch.save(theirs, tmp_path / "net.pt")
    with tg.serialization.safe_globals([tg.nn.Sequential, tg.nn.Linear, tg.nn.Tanh]):
        ours = tg.load(tmp_path / "net.pt")
    np.testing.assert_allclose(
        ours(tg.ones(1, 2)).detach().numpy(), theirs(torch.ones(1, 2)).detach().numpy(), rtol=1e-6
    )


def test_futures():
    futures = [tg.futures.Future() for _ in range(3)]
    collected = tg.futures.collect_all(futures)
    for index, future in enumerate(futures):
        assert not collected.done()
        future.set_result(index)
    assert tg.futures.wait_all(collected.wait()) == [0, 1, 2]
    failed = tg.futures.Future()
    after = failed.then(lambda done: done.value())
    failed.set_exception(ValueError("no"))
    with pytest.raises(ValueError, match="no"):
        after.wait()


def test_profiles_count_named_blocks(tmp_path):
    @tg.profiler.record_function("double")
    def double(x):
        return x + x

    with tg.profiler.profile(schedule=tg.profiler.schedule(wait=1, warmup=1, active=2)) as profile:
        for _ in range(3):
            double(tg.ones(1))
            profile.step()
    assert [row[:2] for row in profile.key_averages()] == [("double", 3)]
    assert "double" in profile.key_averages().table(sort_by="cpu_time_total")
    double(tg.ones(1))
    assert len(profile.events()) == 3
    schedule = tg.profiler.schedule(wait=1, warmup=1, active=2, repeat=1, skip_first=1)
    assert [schedule(step).value for step in range(7)] == [0, 0, 1, 2, 3, 0, 0]


def test_assert_close():
    close = tg.testing.assert_close
    close({"a": [tg.ones(2), 1.0]}, {"a": [tg.ones(2), 1.0]})
    for actual, expected, told in (
        (tg.ones(2), tg.tensor([1.0, 1.1]), r"1 of 2 elements are not close .* is 0\.1 at \(1,\): 1\.0 and 1\.1"),
        (tg.ones(2), tg.ones(3), "shapes"),
        (tg.ones(2), tg.ones(2, dtype=tg.float64), "dtypes"),
        ({"a": tg.ones(1)}, {"b": tg.ones(1)}, "keys"),
        ([1, 2], [1], "lengths"),
        (tg.tensor([float("nan")]), tg.tensor([float("nan")]), "not close"),
    ):
        with pytest.raises(AssertionError, match=told):
            close(actual, expected)
    close(tg.tensor([float("nan")]), tg.tensor([float("nan")]), equal_nan=True)
    close(tg.ones(1), tg.tensor([1.5]), rtol=0.0, atol=0.6)
    with pytest.raises(ArgumentError, match="both or neither"):
        close(1.0, 1.0, rtol=0.1)


@pytest.mark.parametrize("dtype", [tg.float32, tg.int64, tg.uint8, tg.bool])
def test_make_tensor(dtype):
    made = tg.testing.make_tensor(4, 5, dtype=dtype, noncontiguous=True)
    assert (made.shape, made.dtype, made.is_contiguous()) == ((4, 5), dtype, False)
    made = tg.testing.make_tensor((50,), dtype=tg.int64, low=0, high=2, exclude_zero=True)
    assert set(made.tolist()) == {1}


def test_checkpointed_blocks_give_the_same_results_and_gradients():
    from tapegrad.utils.checkpoint import checkpoint, checkpoint_sequential

    net = tg.nn.Sequential(tg.nn.Linear(3, 3), tg.nn.Tanh())
    x = tg.ones(2, 3, requires_grad=True)
    net(x).sum().backward()
    expected, x.grad = x.grad, None
    checkpoint(net, x, use_reentrant=False).sum().backward()
    checkpoint_sequential(net, 2, x, use_reentrant=False).sum().backward()
    tg.testing.assert_close(x.grad, 2 * expected)


def test_data_parallel_computes_as_its_module():
    net = tg.nn.Linear(2, 2)
    parallel = tg.nn.DataParallel(net, device_ids=[0, 1])
    assert tg.equal(parallel(tg.ones(1, 2)), net(tg.ones(1, 2)))
    assert tg.equal(tg.nn.parallel.data_parallel(net, tg.ones(1, 2), range(2)), net(tg.ones(1, 2)))
    assert list(parallel.state_dict()) == ["module.weight", "module.bias"]


def test_paths_of_layers():
    from tapegrad.nn.modules.batchnorm import _BatchNorm
    from tapegrad.nn.modules.utils import _pair, _single

    assert tg.nn.modules.conv.Conv2d is tg.nn.Conv2d
    assert isinstance(tg.nn.BatchNorm2d(2), _BatchNorm)
    assert (_single(3), _pair(3), _pair([1, 2])) == ((3,), (3, 3), (1, 2))
    with pytest.raises(AttributeError):
        _ = tg.nn.modules.conv.NoSuchLayer


def test_a_device_can_be_named_and_not_used():
    for name in ("cuda", "mps", "xpu", "meta", "cuda:1"):
        assert str(tg.device(name)) == name
        with pytest.raises(DeviceError, match=f"'{name}' is not available"):
            tg.ones(2).to(name)
        with pytest.raises(DeviceError):
            tg.ones(2, device=tg.device(name))
        with pytest.raises(DeviceError):
            tg.nn.Linear(2, 2, device=name)
        with pytest.raises(DeviceError):
            tg.FloatTensor(2, device=name)
        with pytest.raises(DeviceError), tg.device(name):
            pass
    assert tg.device("cuda", 1) == tg.device("cuda:1") == tg.device(type="cuda", index=1) != tg.device("cuda")
    assert tg.device("cpu") != "cpu"
    assert pickle.loads(pickle.dumps(tg.device("cuda:1"))) == tg.device("cuda:1")
    with tg.device("cpu"):
        assert tg.ones(1).device == tg.device("cpu")


# PyTorch asserts where it was built without a device; scripts catch either.
@pytest.mark.parametrize("kind", [AssertionError, RuntimeError, ValueError])
def test_a_device_that_is_not_there_raises_what_scripts_catch(kind):
    with pytest.raises(kind):
        tg.ones(2).cuda()


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (("gpu",), RuntimeError),
        (("",), RuntimeError),
        (("CUDA",), RuntimeError),
        (("cuda:x",), RuntimeError),
        (("cuda:",), RuntimeError),
        (("cuda:-1",), RuntimeError),
        (("cuda:01",), RuntimeError),
        (("cuda:0", 0), RuntimeError),
        ((0,), RuntimeError),
        ((None,), TypeError),
        ((1.0,), TypeError),
    ],
)
def test_what_is_no_device_is_refused_as_pytorch_does(given, kind):
    torch = pytest.importorskip("torch")
    with pytest.raises(kind):
        tg.device(*given)
    with pytest.raises(kind):
        torch.device(*given)


def test_the_compilers_names_change_nothing():
    compiler = tg.compiler
    assert not hasattr(tg, "disable")
    assert not hasattr(tg, "reset")
    assert compiler.disable(len) is len
    assert compiler.disable(recursive=False)(len) is len
    assert compiler.allow_in_graph(len) is len
    assert compiler.set_stance("force_eager")(len) is len
    with compiler.set_stance("eager_on_recompile"):
        compiler.reset()
        compiler.cudagraph_mark_step_begin()
    assert compiler.list_backends() == []
    assert not compiler.is_exporting()


def test_whether_a_step_is_being_compiled():
    step = tg.compile(lambda x: x * (2 if tg.compiler.is_compiling() else 3))
    assert step(tg.ones(1)).item() == 2
    assert not tg.compiler.is_compiling()
