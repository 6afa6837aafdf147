"""Training of identity nets: PyTorch's results, in any company, and resumed."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from plain_nets import as_module
from rounding import distance, tolerance

from helpers.errors import Mistake
from helpers.models import parameter_count
from helpers.models.identity import FAMILIES
from helpers.models.of import identity_model
from helpers.runs import IdentityRun, Study
from helpers.runs.histories import MEASURED
from helpers.runs.identity import OPTIMIZERS
from helpers.runs.store import RunFolder, results_root
from helpers.training import graphs, identity, identity_stacks, load, train
from helpers.training.identity import DeviceImages, image_of, limit
from helpers.training.identity_compiled import ConvStack, DenseStack, compiled_kind
from helpers.training.identity_stacks import MEMORY, IdentityStack, most_together
from helpers.training.tasks import seat
from helpers.training.trainees import Trainee

FCN, CONVNET = FAMILIES
CPU = torch.device("cpu")
NEVER = 1e-30  # an error that ends no training
BATCHED = {"width": 12}  # of a ConvNet that has no compiled passes
RATES = {
    (FCN, "descent"): 1.0,
    (FCN, "momentum"): 0.2,
    (FCN, "adam"): 1e-3,
    (CONVNET, "descent"): 0.05,
    (CONVNET, "momentum"): 0.02,
    (CONVNET, "adam"): 1e-3,
}


@pytest.fixture
def study_of(digits):
    """Function that makes a study of small identity nets on images of 8 x 8 pixels."""

    def study_of(grid=None, **fields):
        small = {"model": CONVNET, "canvas": 8, "width": 8, "depth": 3, "steps": 20}
        small |= {"stop_error": NEVER, "optimizer": "momentum"} | fields
        rate = RATES.get((small["model"], small["optimizer"]), 0.1)
        run = IdentityRun(**{"learning_rate": rate} | small)
        return Study(digits, run, grid or {"seed": range(2)})

    return study_of


class Bar:
    """Counts the steps it is told of."""

    steps = 0

    def update(self, steps, note):
        self.steps += steps


def train_as_one_stack(study, bar):
    """Train what is not finished of a study as one stack, on this thread."""
    trainees = [Trainee(RunFolder(run)) for run in study.runs()]
    placed = DeviceImages(study.data, CPU)
    seat(trainees, placed, device=CPU, save_seconds=1e9).run(bar)


def initial(run, data):
    return identity_model(run, data).initial(seed=run.seed, scheme=run.scheme)


def final(run):
    """The weights that a finished run ended with."""
    folder = RunFolder(run)
    return folder.snapshot(folder.snapshot_epochs()[-1])


def error_of(run, data):
    """Mean squared error of a finished run's weights, by its module in float64."""
    model, image = identity_model(run, data), image_of(run, data)[None].double()
    module = as_module(model, {n: w.double() for n, w in final(run).items()})
    return (module(image) - image).square().mean().item()


# To the end


@pytest.mark.parametrize("family", FAMILIES)
def test_networks_are_trained_to_the_error_stated(study_of, digits, family):
    fields = {"model": family, "width": 32, "depth": 2, "steps": 2000}
    grid = {"seed": [0, 1], "stop_error": [1e-3, 1e-4]}
    study = study_of(grid, **fields)
    histories = train(study, device="cpu")
    assert histories.stops == ("fitted",) * 4
    for run, arrays in zip(histories.runs, histories.arrays, strict=True):
        errors = arrays["train_error"]
        assert (errors[:-1] > run.stop_error).all() and errors[-1] <= run.stop_error
        assert errors[-1] == pytest.approx(error_of(run, digits), rel=1e-3)
        assert arrays.keys() == {"train_error", MEASURED} and arrays[MEASURED].all()
        assert RunFolder(run).snapshot_epochs() == [len(errors) - 1]
    both = [a["train_error"][: histories.lengths()[0]] for a in histories.arrays[:2]]
    assert both[0].tolist() == both[1].tolist()  # nothing else follows from the stop


def test_the_history_begins_before_the_first_step_and_ends_after_the_last(
    study_of, digits, steps
):
    histories = train(study_of({"seed": [4]}, steps=7, **BATCHED), device="cpu")
    (run,), (arrays,) = histories.runs, histories.arrays
    assert histories.stops == ("epochs",) and histories.lengths().tolist() == [7]
    assert len(arrays["train_error"]) == 8 and len(steps) == 7
    image = image_of(run, digits)[None]
    module = as_module(identity_model(run, digits), initial(run, digits))
    first = (module(image) - image).square().mean().item()
    assert arrays["train_error"][0] == pytest.approx(first, rel=1e-5)
    assert arrays["train_error"][-1] == pytest.approx(error_of(run, digits), rel=1e-5)
    fitted = train(
        study_of(stop_error=100.0, **BATCHED), device="cpu"
    )  # from the start
    assert fitted.stops == ("fitted",) * 2 and len(steps) == 7
    assert fitted.lengths().tolist() == [0, 0]


def test_finished_networks_are_never_trained_again(study_of, steps):
    first = train(study_of(**BATCHED), device="cpu")
    assert steps
    steps.clear()
    again = train(study_of({"seed": [1, 0]}, **BATCHED), device="cpu")
    assert steps == [] and load(study_of(**BATCHED)).runs == first.runs
    errors = [a["train_error"].tolist() for a in first.arrays]
    assert [a["train_error"].tolist() for a in again.arrays] == errors[::-1]


def test_a_network_that_fits_keeps_its_weights_while_others_go_on(
    study_of, digits, steps
):
    fields = {"stop_error": 0.03, "steps": 200, **BATCHED}
    study, bar = study_of({"seed": range(4)}, **fields), Bar()
    train_as_one_stack(study, bar)
    assert bar.steps == 4 * 200
    lengths = [len(RunFolder(run).history()["train_error"]) for run in study.runs()]
    assert len(set(lengths)) > 1 and max(lengths) < 200
    assert steps == [sum(n - 1 > k for n in lengths) for k in range(max(lengths) - 1)]
    for run in study.runs():
        errors = RunFolder(run).history()["train_error"]
        assert errors[-2] > 0.03 >= errors[-1]
        assert errors[-1] == pytest.approx(error_of(run, digits), rel=1e-4)


# PyTorch's own


def optimizer_of(run, parameters):
    """PyTorch's optimizer of a run."""
    if run.optimizer == "adam":
        return torch.optim.Adam(parameters, lr=run.learning_rate)
    momentum = 0.9 if run.optimizer == "momentum" else 0.0
    return torch.optim.SGD(parameters, lr=run.learning_rate, momentum=momentum)


def trained_by_pytorch(run, data):
    """Final parameters of a plain module, by autograd and torch.optim."""
    model, image = identity_model(run, data), image_of(run, data)[None]
    module = as_module(model, initial(run, data))
    parameters = [*module.parameters()]
    chosen = parameters[:2] if run.trained == "bottom" else parameters
    optimizer = optimizer_of(run, chosen)
    for _ in range(run.steps):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(module(image), image).backward()
        optimizer.step()
    return dict(zip(model.names, parameters, strict=True))


@pytest.mark.parametrize(
    ("activation", "trained"), [("relu", "all"), ("linear", "bottom")]
)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("family", FAMILIES)
def test_a_stack_learns_what_pytorchs_optimizers_learn(
    study_of, digits, family, optimizer, activation, trained
):
    fields = {"model": family, "optimizer": optimizer, "activation": activation}
    study = study_of({"seed": [0, 1, 2]}, **fields, trained=trained, steps=30)
    train(study, device="cpu")
    within = 3e-5 if optimizer == "adam" else 1e-5  # it divides by small slopes
    for run in study.runs():
        before, after = initial(run, digits), final(run)
        expected = trained_by_pytorch(run, digits)
        for name, weight in after.items():
            size = expected[name].norm().clamp(min=1e-30)
            assert (weight - expected[name]).norm() <= within * size, name
            if trained == "bottom" and name not in ("W1", "b1"):
                assert torch.equal(weight, before[name]), name
        assert (after["W1"] - before["W1"]).norm() > 1e-3 * before["W1"].norm()


def test_images_have_the_size_and_the_example_that_a_run_names(study_of, digits):
    together = ("example", "canvas", "size")
    grid = {together: [(0, 8, None), (3, 14, None), (3, 14, 7), (3, 8, 5)]}
    study = study_of(grid, steps=5)
    train(study, device="cpu")
    for run, side in zip(study.runs(), (8, 14, 7, 5), strict=True):
        assert image_of(run, digits).shape == (1, side, side)
        expected = trained_by_pytorch(run, digits)
        for name, weight in final(run).items():
            torch.testing.assert_close(weight, expected[name].detach())


# Closed forms


def test_one_linear_layer_reaches_the_weights_of_equation_1(study_of, digits):
    plain = {"model": FCN, "activation": "linear", "biases": False, "depth": 1}
    plain |= {"optimizer": "descent", "scheme": "pytorch", "stop_error": 1e-11}
    study = study_of(**plain, steps=2000)
    assert train(study, device="cpu").stops == ("fitted",) * 2
    for run in study.runs():
        x, before = image_of(run, digits).flatten().double(), initial(run, digits)
        before = before["W1"].double()
        along = torch.outer(x, x) / x.square().sum()
        expected = before + (torch.eye(64, dtype=torch.float64) - before) @ along
        found = final(run)["W1"].double()
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)
        assert (found - before).norm() > 0.1 * before.norm()


# Any company

SHAPES = {
    "dense": {"model": FCN, "width": 16, "depth": 3, "optimizer": "momentum"},
    "one layer": {"model": FCN, "depth": 1, "optimizer": "descent"},
    "14 x 14": {"model": FCN, "width": 48, "canvas": 14, "optimizer": "adam"},
    "any width": {"model": FCN, "width": 33, "optimizer": "descent"},
    "filters of 5": {"kernel": 5, "optimizer": "adam"},
    "filters of 3": {"kernel": 3, "width": 16, "optimizer": "momentum"},
    "filters of 1": {"kernel": 1, "width": 3, "optimizer": "descent"},
    "filters of 17": {"kernel": 17, "width": 4, "optimizer": "adam"},
    "filters of 9": {"kernel": 9, "width": 3, "canvas": 7, "optimizer": "momentum"},
    "linear": {"activation": "linear", "scheme": "pytorch", "optimizer": "adam"},
    "one channel": {"width": 1, "optimizer": "descent"},
    "small images": {"size": 5, "width": 32, "optimizer": "momentum"},
    "bottom": {"trained": "bottom", "width": 32, "depth": 2, "optimizer": "adam"},
    "32 channels": {"width": 32, "depth": 4, "canvas": 14, "optimizer": "adam"},
    "linear, odd": {"width": 32, "size": 7, "activation": "linear"},
    "no biases": {"width": 64, "biases": False, "optimizer": "momentum"},
}

# Where gradients cancel to roundings Adam makes whole steps of them, after which units
# lie on the other side of their kink, by processor: it takes one step there.
CANCELLED = ("small images", "no biases")

STACKS = [(family, IdentityStack) for family in FAMILIES]
STACKS += [(FCN, DenseStack), (CONVNET, ConvStack)]
WIDTHS = {ConvStack: 32}


def stack_of(runs, data, weights=None, kind=IdentityStack):
    """The networks of some runs as a stack, before their first step."""
    shared, model = runs[0], identity_model(runs[0], data)
    weights = weights or [initial(run, data) for run in runs]
    images = torch.stack([image_of(run, data)[None] for run in runs])
    return kind(
        model,
        {name: torch.stack([w[name] for w in weights]) for name in model.names},
        images.to(weights[0]["W1"].dtype),
        trained=model.names[:2] if shared.trained == "bottom" else model.names,
        optimizer=shared.optimizer,
        learning_rate=shared.learning_rate,
    )


STEPS = 4


def take_steps(stack, count=STEPS):
    """Errors before every step and after the last: (network, step)."""
    errors = []
    for _ in range(count):
        errors.append(stack.errors())
        stack.step()
    return torch.stack([*errors, stack.errors()], dim=1)


def rounded(run, data):
    """How far rounding alone may take a network in STEPS steps."""

    def train(weights):
        stack = stack_of([run], data, [weights])
        take_steps(stack)
        return stack.network(0)

    weights = initial(run, data)
    terms = max(weight[0].numel() for weight in weights.values())
    return tolerance(train, weights, terms=terms, steps=STEPS)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_network_is_the_same_in_any_company_but_for_rounding(study_of, digits, shape):
    # Networks of one stack differ in their draw and in their image.
    grid = {("seed", "example"): [(k, 3 * k) for k in range(8)]}
    runs = study_of(grid, **SHAPES[shape]).runs()
    assert limit(runs[0], digits, 16, CPU) == 16
    together = stack_of(runs, digits)
    errors = take_steps(together)
    within = [rounded(run, digits) for run in runs]
    for chosen in ([0], [6, 1], [5, 3, 7, 2, 4]):
        apart = stack_of([runs[k] for k in chosen], digits)
        some = take_steps(apart)
        for j, k in enumerate(chosen):
            assert distance(apart.network(j), together.network(k)) <= within[k]
            torch.testing.assert_close(some[j], errors[k], rtol=1e-3, atol=1e-7)
    moved = distance(together.network(6), initial(runs[6], digits))
    assert moved > 10 * within[6]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("trained", ["all", "bottom"])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_compiled_stack_takes_the_steps_of_batched_products(
    study_of, digits, shape, trained, optimizer
):
    """To rounding; and each network is the same to the bit alone and in company."""
    grid = {("seed", "example"): [(k, 3 * k) for k in range(4)]}
    fields = {"scheme": "pytorch"} | SHAPES[shape]
    fields |= {"trained": trained, "optimizer": optimizer}
    runs = study_of(grid, **fields).runs()
    compiled = compiled_kind(identity_model(runs[0], digits))
    if compiled is None:
        pytest.skip("networks of this shape have no compiled passes")
    ours, batched = (
        stack_of(runs, digits, kind=kind) for kind in (compiled, IdentityStack)
    )
    # Winograd's form adds up five times what it weighs, along both sides.
    steps, times = STEPS, 10 if compiled is ConvStack else 1
    if shape in CANCELLED and optimizer == "adam":
        steps, times = 1, 30
    errors = take_steps(ours, steps)
    close = {"rtol": times * 1e-5, "atol": times * 1e-7}
    torch.testing.assert_close(errors, take_steps(batched, steps), **close)
    assert errors[:, -1].lt(errors[:, 0]).any()
    for k, run in enumerate(runs):
        apart = distance(ours.network(k), batched.network(k))
        assert apart <= times * rounded(run, digits)
        alone = stack_of([run], digits, kind=compiled)
        assert torch.equal(alone.take(steps, [NEVER])[:, 0], errors[k, 1:])
        for name, value in ours.state(k).items():
            assert torch.equal(alone.state(0)[name], value), name


def test_winograds_form_is_of_filters_and_channels_that_fit_it(study_of, digits):
    runs = study_of({"seed": [0]}, width=16, depth=2).runs()
    with pytest.raises(Mistake, match=r"width = 16: must be 2 or more, 5, and a mult"):
        stack_of(runs, digits, kind=ConvStack)


def test_a_state_of_plain_descent_that_has_moments_is_gone_on_from(study_of, digits):
    """As an earlier version saved them; nothing of them is used."""
    (run,) = study_of({"seed": [0]}, **SHAPES["one layer"]).runs()
    fresh, model = stack_of([run], digits, kind=DenseStack), identity_model(run, digits)
    weights = {name: w[None] for name, w in initial(run, digits).items()}
    again = DenseStack(
        model,
        weights,
        fresh.images,
        trained=model.names,
        optimizer="descent",
        learning_rate=run.learning_rate,
        moments={name: torch.ones_like(w) for name, w in weights.items()},
    )
    assert torch.equal(take_steps(again), take_steps(fresh)) and not again.moments


@pytest.mark.parametrize("family", FAMILIES)
def test_the_same_company_gives_the_same_bits_whatever_sits_beside(
    study_of, digits, family
):
    grid = {("seed", "example"): [(k, 3 * k) for k in range(8)]}
    runs = study_of(grid, model=family, width=9).runs()
    one, same = (stack_of(runs, digits) for _ in range(2))
    other = stack_of([runs[7 - k] if k != 4 else runs[4] for k in range(8)], digits)
    errors = [take_steps(stack) for stack in (one, same, other)]
    assert torch.equal(errors[0], errors[1])
    assert torch.equal(errors[0][4], errors[2][4])
    for name, weight in one.network(4).items():
        assert torch.equal(weight, other.network(4)[name]), name


@pytest.mark.parametrize(("family", "kind"), STACKS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_network_takes_a_place_again_with_its_own_bits(
    study_of, digits, optimizer, family, kind
):
    fields = {"model": family, "optimizer": optimizer, "width": WIDTHS.get(kind, 8)}
    runs = study_of({"seed": range(4)}, **fields).runs()
    whole, stack = (stack_of(runs, digits, kind=kind) for _ in range(2))
    take_steps(stack)
    kept = {name: value.clone() for name, value in stack.state(2).items()}
    stack.place(2, {name: torch.ones_like(value) for name, value in kept.items()})
    stack.place(2, kept)
    take_steps(stack), take_steps(whole, 2 * STEPS)
    for name, value in whole.state(2).items():
        assert torch.equal(stack.state(2)[name], value), name


SHARED = {(8, 16): 16, (14, 512): 16, (14, 2048): 6, (28, 2048): 4, (28, 8192): 1}


@pytest.mark.parametrize("shape", SHARED)
def test_a_fully_connected_stack_fits_the_memory_if_it_is_more_than_one(
    study_of, digits, shape
):
    """Weights and moments are 4 bytes each; a single one more would not fit."""
    canvas, width = shape
    run = study_of(model=FCN, canvas=canvas, width=width, depth=3).runs()[0]
    most = limit(run, digits, 16, CPU)
    size = 8 * parameter_count(identity_model(run, digits))
    assert most == SHARED[shape]
    assert most == 1 or most * size <= MEMORY
    assert most == 16 or (most + 1) * size > MEMORY
    assert limit(run, digits, 1, CPU) == 1


def test_a_fully_connected_study_is_trained_in_stacks_that_fit_the_memory(
    study_of, monkeypatch, on_cores
):
    study = study_of({"seed": range(12)}, model=FCN, width=16, depth=2, steps=3)
    size = 8 * parameter_count(identity_model(study.runs()[0], study.data))
    monkeypatch.setattr(identity_stacks, "MEMORY", 3 * size)
    together, take = [], DenseStack.take

    def counted(stack, *given):
        together.append(len(stack))
        return take(stack, *given)

    monkeypatch.setattr(DenseStack, "take", counted)
    on_cores(1)
    train(study, device="cpu")
    assert together == [3] * 4


@pytest.mark.parametrize(("family", "kind"), STACKS)
def test_those_who_stay_go_on_when_others_leave(study_of, digits, family, kind):
    runs = study_of({"seed": range(4)}, model=family, width=WIDTHS.get(kind, 16)).runs()
    stay, leave = (stack_of(runs, digits, kind=kind) for _ in range(2))
    for left, index in (([1, 3], [1, 3]), ([1], [3])):
        take_steps(stay), take_steps(leave)
        leave.keep(left)  # with the gradients that the next step takes
        stay.step(), leave.step()
        assert len(leave) == len(left)
        some, errors = take_steps(leave), take_steps(stay)[index]
        torch.testing.assert_close(some, errors, rtol=1e-3, atol=1e-7)
    within = 4 * rounded(runs[3], digits)  # of three times as many steps and a few
    assert distance(leave.network(0), stay.network(3)) <= within


# Interrupted


@pytest.mark.parametrize(
    ("family", "optimizer"),
    [(FCN, "momentum"), (FCN, "adam"), (CONVNET, "descent"), (CONVNET, "adam")],
)
def test_training_that_was_interrupted_ends_with_the_same_bits(
    study_of, bits, results, tmp_path, monkeypatch, family, optimizer
):
    fields = {"model": family, "optimizer": optimizer, "stop_error": 0.02, **BATCHED}
    study = study_of({"seed": range(2), "depth": [2, 3]}, **fields, steps=30)
    train(study, device="cpu")
    expected = bits(results)
    monkeypatch.setenv("MEMORIZATION_RESULTS", str(tmp_path / "interrupted"))
    # A fully connected stack takes ten steps at a time.
    kind, name = (DenseStack, "take") if family == FCN else (IdentityStack, "step")
    go = getattr(kind, name)
    for moment in (5, 1, 12) if name == "step" else (1, 2, 1):
        left = iter(range(moment))

        def interrupted(stack, *given, left=left):
            if next(left, None) is None:
                raise KeyboardInterrupt
            return go(stack, *given)

        monkeypatch.setattr(kind, name, interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(study, device="cpu", save_seconds=0)
    monkeypatch.setattr(kind, name, go)
    train(study, device="cpu", save_seconds=0)
    assert bits(results_root()) == expected


# Many steps at once


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize(("family", "kind"), STACKS)
def test_a_block_of_steps_is_so_many_single_ones_to_the_bit(
    study_of, digits, family, kind, optimizer, played
):
    """And who reaches its goal, or has no number left, stays as it is from there on."""
    fields = {"model": family, "optimizer": optimizer, "width": WIDTHS.get(kind, 8)}
    runs = study_of({"seed": range(4)}, **fields).runs()
    plain, block = (stack_of(runs, digits, kind=kind) for _ in range(2))
    for stack in (plain, block):
        stack.weights["W1"][3] *= 1e30  # its error overflows
    errors = take_steps(plain, 13)
    assert errors[1, 3] < errors[1, :3].min()
    goals = [NEVER, errors[1, 3].item(), NEVER, NEVER]
    found = torch.cat([block.take(7, goals), block.take(6, goals)])
    reached = stack_of(runs, digits, kind=kind)
    take_steps(reached, 3)
    for k, others in ((0, plain), (1, reached), (2, plain)):
        assert torch.equal(found[:3, k], errors[k, 1:4])
        for name, value in block.network(k).items():
            assert torch.equal(value, others.network(k)[name]), (k, name)
    assert torch.equal(found[:, [0, 2]].mT, errors[[0, 2], 1:])
    assert (found[3:, 1] == errors[1, 3]).all()
    start = {name: w.clone() for name, w in initial(runs[3], digits).items()}
    start["W1"] *= 1e30
    assert not found[:, 3].isfinite().any()
    for name, value in block.network(3).items():
        assert torch.equal(value, start[name]), name


@pytest.mark.parametrize("family", FAMILIES)
def test_histories_are_the_same_where_steps_are_taken_ahead(
    study_of, elsewhere, monkeypatch, family, in_stacks_of, played
):
    in_stacks_of(16)
    study = study_of({"seed": range(4)}, model=family, stop_error=0.03, steps=90)
    expected = train(study, device="cpu")
    elsewhere()
    monkeypatch.setattr(graphs, "REPLAYED", ("cpu",))
    monkeypatch.setattr(identity, "AHEAD", ("cpu",))
    monkeypatch.setattr(identity, "MOST_STEPS", 40)  # three blocks, the last of 10
    found = train(study, device="cpu")
    assert found.stops == expected.stops and len(set(found.lengths())) > 1
    assert found.lengths().tolist() == expected.lengths().tolist()
    for run, some, other in zip(found.runs, found.arrays, expected.arrays, strict=True):
        np.testing.assert_allclose(some["train_error"], other["train_error"], 1e-3)
        last = some["train_error"][-1]
        assert last == pytest.approx(error_of(run, study.data), rel=1e-3)


def test_steps_ahead_are_saved_at_their_ends_and_go_on_from_there(
    study_of, bits, elsewhere, monkeypatch, in_stacks_of
):
    in_stacks_of(16)
    monkeypatch.setattr(identity, "AHEAD", ("cpu",))
    monkeypatch.setattr(identity, "MOST_STEPS", 8)
    study = study_of({"seed": range(3)}, steps=30, optimizer="adam", **BATCHED)
    train(study, device="cpu")
    expected, take = bits(results_root()), IdentityStack.take
    elsewhere()
    calls = iter(range(2))

    def interrupted(stack, count, goals):
        if next(calls, None) is None:
            raise KeyboardInterrupt
        return take(stack, count, goals)

    with monkeypatch.context() as patch:
        patch.setattr(IdentityStack, "take", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(study, device="cpu", save_seconds=0)
    epochs = [int(next(RunFolder(r).states())["epoch"]) for r in study.runs()]
    assert epochs == [16] * 3
    # One of them stands where it stood before: it takes its seat again at step 16.
    folder = RunFolder(study.runs()[1])
    (folder.path / "state.safetensors").unlink()
    assert int(next(folder.states())["epoch"]) == 8
    train(study, device="cpu")
    assert bits(results_root()) == expected


@pytest.mark.parametrize(("width", "most"), [(16, 16), (2048, 6), (10**5, 1)])
def test_on_cuda_a_stack_has_as_many_networks_as_half_of_the_memory_holds(width, most):
    model = FAMILIES[FCN](image_shape=(1, 28, 28), width=width, depth=2)
    memory = 6 * 2 * 8 * 4 * 3_214_096  # bytes, of 784-2048-784
    assert most_together(model, 16, memory) == most


# Divergence


def test_a_network_that_diverges_ends_undefined(study_of):
    histories = train(study_of(learning_rate=1e4, steps=500), device="cpu")
    assert histories.stops == ("diverged",) * 2
    assert np.isnan(histories.final("train_error")).all()
    for arrays in histories.arrays:
        errors = arrays["train_error"]
        assert len(errors) < 500
        assert np.isfinite(errors[:-1]).all() and not np.isfinite(errors[-1])


# Mistakes


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"kernel": 19}, "kernel = 19: must be at most 17 for images of 8 x 8; "),
        ({"kernel": 13, "size": 5}, "kernel = 13: must be at most 11 for images of 5"),
        ({"kernel": 3, "model": FCN}, "kernel = 3: an identity_fcn has no filters"),
        ({"model": "convnet"}, "model = 'convnet': must be one of identity_fcn, iden"),
        ({"activation": "sin"}, "activation = 'sin': must be relu or linear"),
        ({"scheme": "zero"}, "scheme = 'zero': must be one of pytorch, glorot, he"),
        ({"example": 160}, "example is 160: digits has training images 0 to 159"),
        ({"example": 3}, "training image 3 of digits is 0.501961 everywhere, so that "),
    ],
)
def test_what_cannot_be_is_told_before_any_training(study_of, steps, fields, line):
    study = study_of(**fields)
    images = study.data.train_images.clone()
    images[3] = 128  # a constant image
    blank = replace(study.data, train_images=images)
    with pytest.raises(Mistake) as told:
        train(Study(blank, study.base, study.grid), device="cpu")
    assert str(told.value).startswith(line) and "\n" not in str(told.value)
    assert steps == [] and not list(results_root().glob("*/*.npz"))


# CUDA


@pytest.mark.cuda
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("family", FAMILIES)
def test_cuda_trains_what_the_cpu_trains(
    in_float32, study_of, tmp_path, monkeypatch, family, optimizer
):
    # Rounding differs, and convolutions may round to TF32: 1e-3 of a product.
    study = study_of({"seed": range(3)}, model=family, optimizer=optimizer)
    both = []
    for device in ("cpu", "cuda"):
        monkeypatch.setenv("MEMORIZATION_RESULTS", str(tmp_path / device))
        both.append(train(study, device=device))
    for ours, theirs in zip(both[0].arrays, both[1].arrays, strict=True):
        np.testing.assert_allclose(theirs["train_error"], ours["train_error"], 1e-2)
