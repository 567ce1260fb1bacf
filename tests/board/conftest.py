"""A small run, and a board that listens on a port of its own."""

import contextlib
import http.client
import json
import shutil
import socket
import threading
import time
import warnings

import pytest

from tapegrad.board.server import listen, make_server
from tapegrad.lab.build import build
from tapegrad.lab.config import dump_config, load_config
from tapegrad.lab.experiment import attach, fit, one_setting
from tapegrad.train import Run, environment


def trained(parent, name, recipe, *overrides):
    """Train a recipe in a new run's folder, as `tapegrad train` does, without pictures."""
    config = load_config(recipe, overrides)
    with one_setting(config):
        assembly = build(config)
        run = Run.create(parent, name, dump_config(config, defaults=True), environment(), stamp=False)
        with run.alone():
            attach(assembly, run)
            fit(assembly, run, pictures=False)
    return run


SPIRAL = (
    "training.steps=40", "training.report_every=10", "data.transforms=[]", "model.layers=[2, 8, 3]", "model.dropout=0.2", "callbacks.snapshots=2",
    "training.compile=false", "data.arguments.points=30", "data.arguments.test_points=20",
)  # fmt: skip
DIGITS = ("training.epochs=2", "training.compile=false")


@pytest.fixture(scope="session")
def trained_runs(tmp_path_factory):
    """A folder with a run on points and one on images."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parent = tmp_path_factory.mktemp("trained")
        trained(parent, "spiral", "spiral", *SPIRAL)
        trained(parent, "digits", "digits", *DIGITS)
    return parent


@pytest.fixture
def runs(trained_runs, tmp_path):
    """A copy of those runs that a test may spoil."""
    return shutil.copytree(trained_runs, tmp_path / "runs")


class Client:
    """Asks a board as its own page does."""

    def __init__(self, host, port, board):
        self.host, self.port, self.board = host, port, board
        self.origin = f"http://{host}:{port}"

    def ask(self, method, path, body=None, headers=None):
        """Return status, headers and body of a request, with no other headers than those given and Host."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        with contextlib.closing(connection):
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read()

    def get(self, path, **headers):
        status, _, body = self.ask("GET", path, headers=headers)
        return status, json.loads(body)

    def fetch(self, path):
        """Return what a request that has to succeed gives."""
        status, value = self.get(path)
        assert status == 200, value
        return value

    def post(self, path, value, headers=None):
        own = {"Origin": self.origin, "Content-Type": "application/json"}
        status, _, body = self.ask("POST", path, json.dumps(value), {**own, **(headers or {})})
        return status, json.loads(body)

    def raw(self, data, seconds=10.0):
        """Send bytes and return all that comes back until the other side closes."""
        with socket.create_connection((self.host, self.port), timeout=seconds) as connection:
            connection.sendall(data)
            received = b""
            with contextlib.suppress(ConnectionResetError):
                while chunk := connection.recv(65536):
                    received += chunk
            return received

    def number_of(self, name):
        return next(run["id"] for run in self.fetch("/api/runs")["runs"] if run["name"] == name)


@contextlib.contextmanager
def serving(*folders, host="127.0.0.1", token=None, name="127.0.0.1", trusts=False):
    listening = listen(host, 0)
    port = listening.getsockname()[1]
    server, board = make_server(folders, host, token, trusts)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    until = time.monotonic() + 30
    while not server.started and time.monotonic() < until:
        time.sleep(0.01)
    try:
        yield Client(name, port, board)
    finally:
        board.closing.set()
        server.should_exit = True
        thread.join(timeout=30)
        board.close()
        listening.close()
        assert not thread.is_alive()


@pytest.fixture
def client(runs):
    with serving(runs) as found:
        yield found


@pytest.fixture(scope="session")
def shared(trained_runs):
    """A board over the trained runs, for tests that change nothing."""
    with serving(trained_runs) as found:
        yield found
