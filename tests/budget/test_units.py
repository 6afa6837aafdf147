"""Units: how work is divided, ordered, and how its seconds are predicted."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from projects import TRAINING, chapter, code, make_project

from helpers.budget import dividing
from helpers.budget.costs import USUAL, Costs
from helpers.budget.dividing import open_items, units_of
from helpers.budget.units import (
    BEGUN,
    LOOK,
    OVER,
    Batch,
    Heard,
    Unit,
    by_value,
    next_unit,
    shrink,
)
from helpers.chapters.book import Edition
from helpers.chapters.plans import plan_edition
from helpers.runs import IdentityRun, Run, Study, fingerprint


class Known(Costs):
    """Seconds of training and asking as a test gives them, by the width of a run."""

    def __init__(self, seconds, asking=0.0):
        super().__init__("cpu")
        self.seconds, self.of_asking = seconds, asking

    def training(self, runs, data):
        return sum(self.seconds[run.width] for run in runs)

    def asking(self, chapter, runs):
        return self.of_asking


def card(chapter, verdict, *, required=False, variant=None):
    return SimpleNamespace(**locals()).__dict__


def edition(name):
    return Edition(name, "smoke", "main")


def unit(name, *, width, items=1, seed=0):
    return Unit((edition(name),), seed, [Batch(None, (Run(width=width),))], items)


def names(units):
    return [unit.editions[0].chapter for unit in units]


def test_claims_that_are_open_make_an_edition_worth_its_seconds(monkeypatch, tmp_path):
    cards = [
        card("fine", "reproduced", required=True),
        card("open", "undecided"),
        card("open", "not tested"),
        card("needed", "not reproduced", required=True),
        card("needed", "undecided", required=True),
        card("no", "not reproduced"),
        card("other", "undecided", variant="sigmoid"),
    ]
    monkeypatch.setattr(dividing, "scorecard", lambda scale, root: cards)
    editions = [edition(name) for name in ("fine", "open", "needed", "no", "other")]
    assert list(open_items(tmp_path, editions).values()) == [0, 2, 3, 0, 0]


def test_what_brings_most_in_a_second_comes_first():
    units = [unit("much", width=1, items=9), unit("quick", width=2, items=2)]
    units.append(unit("nothing", width=3, items=0))
    assert names(by_value(units, Known({1: 10, 2: 1, 3: 1}))) == [
        "quick",
        "much",
        "nothing",
    ]
    assert names(by_value(units, Known({1: 3, 2: 1, 3: 1}))) == [
        "much",
        "quick",
        "nothing",
    ]


def test_no_later_seed_comes_before_an_earlier_one_and_pieces_stay_together():
    units = [unit("a", width=1, items=9, seed=1), unit("b", width=1, items=1)]
    units += [unit("c", width=2, items=3), unit("c", width=3, items=3)]
    costs = Known({1: 2, 2: 0.1, 3: 8})
    assert names(by_value(units, costs)) == ["b", "c", "c", "a"]


def test_what_does_not_fit_with_its_measurements_is_not_begun():
    units = [unit("long", width=1, items=9), unit("short", width=2)]
    costs = Known({1: 50, 2: 20}, asking=5)
    assert next_unit(units, costs, left=55).editions[0].chapter == "long"
    assert next_unit(units, costs, left=54).editions[0].chapter == "short"
    assert next_unit(units, costs, left=24) is None


@pytest.fixture
def plan(tmp_path, monkeypatch):
    """The plan of a chapter with two scales and three seeds."""
    root = make_project(tmp_path / "project", {"small": chapter(code(TRAINING))})
    return plan_edition(root, edition("small"), {"seeds": 3})


def test_units_are_of_one_seed_and_hold_every_run_once(plan):
    units = units_of([plan], {plan.edition: 1}, Costs("cpu"))
    assert sorted(n for u in units for n in u.names) == sorted(
        map(fingerprint, plan.runs)
    )
    assert [{run.seed for run in u.runs} for u in units] == [{0}, {1}, {2}]


@pytest.mark.parametrize(("seconds", "sizes"), [(1, [2, 2, 2]), (100, [1] * 6)])
def test_units_are_as_long_as_a_budget_can_use(plan, seconds, sizes):
    found = units_of([plan], {plan.edition: 1}, Known({16: seconds}))
    assert [len(u.runs) for u in found] == sizes


def test_a_run_of_two_editions_is_worth_both_and_trained_once(plan):
    other = plan._replace(edition=edition("other"))
    units = units_of([plan, other], {plan.edition: 1, other.edition: 2}, Costs("cpu"))
    assert sum(len(u.runs) for u in units) == len(plan.runs)
    assert {u.items for u in units} == {3}
    assert {u.editions for u in units} == {(plan.edition, other.edition)}


def test_a_finished_unit_puts_right_what_its_kind_will_take(plan):
    costs = Costs("cpu")
    first, second, _ = units_of([plan], {plan.edition: 1}, costs)
    before = second.predicted(costs)
    for run in first.runs:
        mark_done(run)
    first.share = 1.0
    first.learn(costs, 50 * before, before, since=0.0)
    assert second.predicted(costs) > 5 * before


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_batch_of_images_reads_its_weights_once_a_step(device):
    """By hand: 8 layers of 1,000 units; on a GPU 0.056 ms to read, 0.1 to compute."""
    run = IdentityRun(model="identity_fcn", depth=8, width=1000, steps=10**5)
    costs, data = Costs(device), SimpleNamespace()

    def a_step(batch):
        some = [replace(run, batch=batch, seed=k) for k in range(64)]
        return costs.training(some, data) / 64 / (USUAL * 10**5)

    one, many = a_step(None), a_step(100)
    assert one < many < 50 * one
    if device == "cuda":
        assert many == pytest.approx(8e6 * (7e-12 + 100 * 1.3e-13), rel=0.01)


def test_a_unit_that_was_cut_tells_how_fast_it_goes(plan):
    """A quarter of its epochs in 17.5 seconds: half of them, as is thought, take 35."""
    costs = Costs("cpu")
    one = units_of([plan], {plan.edition: 1}, costs)[0]
    heard = Heard(one)
    heard(0, 1)
    share, predicted = heard.share, one.predicted(costs)
    one.share = share
    one.learn(costs, 70 * share, predicted, since=0.0)
    assert one.predicted(costs) == pytest.approx((1 - share) * 35)


def test_an_undecided_start_only_makes_a_unit_longer(plan):
    costs = Costs("cpu")
    one = units_of([plan], {plan.edition: 1}, costs)[0]
    predicted = one.predicted(costs)
    one.learn(costs, 0.01 * predicted, predicted, since=0.0)
    assert one.predicted(costs) == pytest.approx(predicted)
    one.learn(costs, 9 * predicted, predicted, since=0.0)
    assert one.predicted(costs) > predicted


def test_a_kind_that_was_never_measured_is_looked_at_first(plan):
    costs = Costs("cpu")
    first, second, _ = units_of([plan], {plan.edition: 1}, costs)
    predicted = first.predicted(costs)
    assert first.stretch(costs) == pytest.approx(BEGUN + LOOK * predicted)
    first.learn(costs, predicted, predicted, since=0.0)
    again = second.predicted(costs)
    assert second.stretch(costs) == pytest.approx(BEGUN + OVER * again)


def test_a_unit_that_no_longer_fits_is_shrunk_and_the_rest_put_back(plan):
    """Four of eight networks take 40 s, two 20; they are half trained: 20 and 10."""
    scales = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]
    (of_two,) = plan.studies
    runs = Study(of_two.data, of_two.base, {"init_scale": scales}).runs()
    units = [unit("other", width=99)]
    units += [Unit((edition("small"),), 0, [Batch(of_two.data, tuple(runs))], 1)]
    units[1].share, units[1].status = 0.5, "under way"
    costs = Known({16: 10.0, 99: 1000.0})
    assert next_unit(units, costs, left=15) is None
    part = shrink(units, costs, left=15)
    assert part.runs == runs[:2] and part.predicted(costs) == pytest.approx(10)
    assert units[1] is part and units[2].runs == runs[2:] and len(units) == 3
    assert {u.status for u in units[1:]} == {"under way"} and units[2].share == 0.5
    assert shrink(units, costs, left=4) is None and len(units) == 3  # not one fits


def test_what_is_finished_of_a_unit_counts_for_no_part_of_it(plan):
    one = units_of([plan], {plan.edition: 1}, Costs("cpu"))[0]
    mark_done(one.runs[0])
    one.share = 0.75  # one of two is finished, the other half trained
    part, rest = one.parts(1)
    assert part.runs == one.runs[1:] and part.share == 0.5 and not rest.runs


def test_rates_of_a_machine_are_those_that_it_showed(plan):
    costs = Costs("cpu")
    one = units_of([plan], {plan.edition: 1}, costs)[0]
    before = one.predicted(costs)
    costs.learn_rates({"mlp": 1e6})
    assert one.predicted(costs) > 10 * before


def mark_done(run):
    """Have a run count as finished."""
    from helpers.runs.store import RunFolder

    folder = RunFolder(run)
    folder.path.mkdir(parents=True)
    (folder.path / "done.json").write_text("{}")
