"""What the tests share: results of their own, a small study, quick processes."""

import contextlib
import json
import multiprocessing
import re
import shutil
import signal
import time
import types
from multiprocessing import forkserver
from pathlib import Path

import numpy as np
import pytest
import torch

from helpers import datasets
from helpers.runs import Run, Study
from helpers.system.devices import exact_products
from helpers.system.files import write_bytes
from helpers.training import graphs, identity_stacks, rounds, tasks, trainer
from helpers.training.identity_stacks import IdentityStack
from helpers.training.stacks import Stack

# Small tensors only lose by threads, and where cores are busy they lose seconds.
torch.set_num_threads(1)

# The parts of a result that are the same bits whenever and wherever it is made again;
# run.json (seconds, versions) and done.json (its checksum) are not.
DECIDED = ("**/history.npz", "**/snapshots/*")

COMPUTES = re.compile(r"^(?:import|from) (?:torch|numpy|scipy|sklearn)\b", re.MULTILINE)


def pytest_configure():
    """What tests have started ends with them when they are ended by `kill`, too.

    Though a shell's `&` or nohup has signals ignored: tests send them.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)


def pytest_collection_modifyitems(items):
    """Mark as numerical every test whose file imports an arithmetic library.

    Another processor may compute otherwise: these are run once more as on an older one.
    Tests marked cuda are skipped where there is no device.
    """
    computes = {
        path: COMPUTES.search(path.read_text()) for path in {i.path for i in items}
    }
    there = torch.cuda.is_available()  # asked while it is not hidden
    lacking = pytest.mark.skip(reason="needs a CUDA device")
    for item in items:
        if computes[item.path]:
            item.add_marker("numerical")
        if item.get_closest_marker("cuda") and not there:
            item.add_marker(lacking)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """A test that is not marked cuda, with all its fixtures, sees no CUDA device.

    So the tests behave alike on every machine.
    """
    with pytest.MonkeyPatch.context() as patch:
        hide_devices(item, patch)
        return (yield)


def hide_devices(item, patch):
    """Have this process and its children see no CUDA device, unless the test wants."""
    if not item.get_closest_marker("cuda"):
        patch.setattr(torch.cuda, "is_available", lambda: False)
        patch.setenv("CUDA_VISIBLE_DEVICES", "")


@pytest.fixture(autouse=True)
def results(tmp_path, monkeypatch):
    """A results folder that is not there yet; no test touches the project's own.

    Nor does an archive of the project answer.
    """
    monkeypatch.setenv("MEMORIZATION_ARCHIVES", str(tmp_path / "archives"))
    monkeypatch.setenv("MEMORIZATION_RESULTS", str(tmp_path / "results"))
    return tmp_path / "results"


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Function that goes on with other, empty results."""

    def elsewhere(name="elsewhere"):
        monkeypatch.setenv("MEMORIZATION_RESULTS", str(tmp_path / name))
        return tmp_path / name

    return elsewhere


@pytest.fixture
def clock_of(monkeypatch):
    """Function that gives modules a `time.monotonic` of a test, nobody else."""

    def clock_of(monotonic, *modules):
        own = types.SimpleNamespace(**vars(time) | {"monotonic": monotonic})
        for module in modules:
            monkeypatch.setattr(module, "time", own)

    return clock_of


@pytest.fixture(autouse=True)
def seed():
    """The same draws from torch's own generator in every test, alone or in company."""
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def digits():
    """160 training and 60 test images of 64 values in 10 classes."""
    return datasets.load("digits").prefix(train_examples=160, test_examples=60)


@pytest.fixture(scope="session")
def study_of(digits):
    """Function that makes a study of a few small networks, trained in milliseconds."""

    def study_of(grid=None, **fields):
        small = {"width": 16, "batch_size": 32, "learning_rate": 0.1, "epochs": 6}
        grid = grid or {"init_scale": [0.01, 1.0], "seed": range(2)}
        return Study(digits, Run(**small | fields), grid)

    return study_of


@pytest.fixture(scope="session")
def bits():
    """Function from a results folder to the content of all that training decides."""

    def bits(root):
        files = [file for pattern in DECIDED for file in root.glob(pattern)]
        return {str(file.relative_to(root)): file.read_bytes() for file in files}

    return bits


@pytest.fixture
def on_cores(monkeypatch):
    """Function that lets training find so many cores."""

    def on_cores(count):
        monkeypatch.setattr(trainer, "usable_cores", lambda: count)

    return on_cores


@pytest.fixture
def in_stacks_of(monkeypatch):
    """Function that deals runs of one shape to stacks of at most so many."""

    def in_stacks_of(most, *, at_least=1):
        monkeypatch.setitem(tasks.STACK_LIMIT, "cpu", most)
        monkeypatch.setitem(tasks.PARALLEL, "cpu", at_least)

    return in_stacks_of


@pytest.fixture
def train_epochs(monkeypatch):
    """Networks in every epoch that a stack is trained for, as it happens."""
    calls, train_epoch = [], Stack.train_epoch

    def counted(stack, order, batch_size):
        calls.append(len(stack))
        train_epoch(stack, order, batch_size)

    monkeypatch.setattr(Stack, "train_epoch", counted)
    return calls


@pytest.fixture(scope="session")
def processes():
    """Processes that start in milliseconds: forks of a server that imported torch.

    The server computes on one thread, for a fork of a process with several may hang.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["pytest", "sklearn.datasets", "helpers.training"])
    with pytest.MonkeyPatch.context() as patch:
        for library in ("OMP", "OPENBLAS", "MKL"):
            patch.setenv(f"{library}_NUM_THREADS", "1")
        patch.setenv("CUDA_VISIBLE_DEVICES", "")
        forkserver.ensure_running()
    return context


@pytest.fixture
def closed_figures():
    """Figures in the book's style, all of them closed after the test."""
    import matplotlib.pyplot as plt  # most tests draw nothing

    from helpers import figures

    with plt.style.context(["default", figures.STYLE]):
        yield
    plt.close("all")


@pytest.fixture
def steps(monkeypatch):
    """Networks in every step of a stack of identity nets, as it happens."""
    calls, step = [], IdentityStack.step

    def counted(stack):
        calls.append(len(stack))
        step(stack)

    monkeypatch.setattr(IdentityStack, "step", counted)
    return calls


@pytest.fixture
def played(monkeypatch):
    """Graphs that are calls on memory of their own; the shapes that were captured."""
    captured = []

    def capture(step, *given):
        held = [each.clone() for each in given]
        captured.append([tuple(each.shape) for each in given])

        def replay(*given):
            for place, value in zip(held, given, strict=True):
                place.copy_(value)
            step(*held)

        return replay

    monkeypatch.setattr(graphs, "WARM", 1)
    monkeypatch.setattr(identity_stacks, "AT_ONCE", 3)
    monkeypatch.setattr(graphs, "capture", capture)
    monkeypatch.setattr(identity_stacks, "seconds", lambda step: step() is None)
    monkeypatch.setattr(graphs, "aside", lambda step, *given: step(*given))
    return captured


@pytest.fixture
def in_float32(monkeypatch):
    """On CUDA products of float32 are made in float32, in training, too.

    So what is trained there differs from what a CPU trains by rounding alone.
    """
    monkeypatch.setattr(rounds, "fast_products", exact_products)
    with exact_products():
        yield


def wait_until_gone(number):
    """Wait for the end of a process, also of one that is not our child."""
    import psutil  # of Jupyter's, which a GPU machine may lack

    deadline = time.monotonic() + 120  # only a failure takes as long
    with contextlib.suppress(psutil.NoSuchProcess):
        while psutil.Process(number).status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < deadline, f"process {number} goes on"
            time.sleep(0.02)


def take_weights(root):
    """Leave of every finished run what an archive keeps of it: all but its weights."""
    for mark in root.glob("*/done.json"):
        sums = json.loads(mark.read_bytes())
        left = {n: s for n, s in sums.items() if not n.startswith("snapshots/")}
        write_bytes(mark, json.dumps(left | {"weights": False}).encode())
        shutil.rmtree(mark.parent / "snapshots")


def golden(name):
    """Reference values of the manifold analysis (tests/golden/README.md)."""
    return np.load(Path(__file__).with_name("golden") / f"mftma_{name}.npz")


def assert_same_histories(some, others):
    """The same runs with the same ends and, to the bit, the same measurements."""
    assert some.runs == others.runs and some.stops == others.stops
    for arrays, expected in zip(some.arrays, others.arrays, strict=True):
        assert arrays.keys() == expected.keys()
        for name in arrays:
            np.testing.assert_array_equal(arrays[name], expected[name])


@pytest.fixture(scope="session")
def browser():
    """Chromium without a display and without a network."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip("no Chromium or Chrome is installed")
    flags = "no-sandbox disable-gpu disable-quic no-first-run disable-sync "
    flags += "disable-background-networking disable-component-update"
    options = {"executable_path": path, "timeout": 300_000}
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            args=[f"--{flag}" for flag in flags.split()], **options
        )
        yield chromium
        chromium.close()
