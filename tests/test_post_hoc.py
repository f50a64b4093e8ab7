from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from drivesim.errors import UserError
from drivesim.training.callbacks import Averaging
from drivesim.training.ema import EMA, exponent
from drivesim.training.post_hoc import WIDTHS, Profile, Snapshots, combination, inner, snapshot_updates
from drivesim.training.widths import WidthChoice


def walk(module: nn.Module, random: torch.Generator) -> None:
    """A step of a random walk."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=random))


def walked(
    folder, *, updates: int, others: tuple[float, ...]
) -> tuple[Snapshots, dict[float, EMA], list[torch.Tensor]]:
    """A random walk's snapshots, its averages of other widths as tracked, and its places."""
    module, random = nn.Linear(40, 25, bias=False), torch.Generator().manual_seed(0)
    tracked = {width: EMA(module, width=width) for width in (*WIDTHS, *others)}
    snapshots, due, places = Snapshots(folder), snapshot_updates(updates, 8), []
    for update in range(1, updates + 1):
        walk(module, random)
        places.append(module.weight.detach().clone())
        for ema in tracked.values():
            ema.update(module)
        if update in due:
            for width in WIDTHS:
                snapshots.save(tracked[width], width)
    return snapshots, tracked, places


def test_average_has_the_width_that_was_asked_for():
    for width in (0.03, 0.1, 0.25):
        shares = np.diff(np.linspace(0.0, 1.0, 20001) ** (exponent(width) + 1.0))  # what each update weighs at the end
        times = (np.arange(20000) + 0.5) / 20000
        mean = shares @ times
        assert np.sqrt(shares @ (times - mean) ** 2) == pytest.approx(width, rel=1e-3)


def test_product_of_a_profile_with_itself_by_hand():
    g = exponent(0.1)  # the integral of (g + 1)^2 s^(2 g) / t^(2 g + 2) over 0..t
    assert inner(Profile(50, 0.1), Profile(50, 0.1)) == pytest.approx((g + 1) ** 2 / ((2 * g + 1) * 50))


@pytest.mark.parametrize(("a", "b"), [((40, 0.05), (40, 0.1)), ((30, 0.25), (40, 0.1)), ((40, 0.03), (25, 0.2))])
def test_product_of_two_profiles_is_the_numerical_integral(a, b):
    s = (np.arange(400_000) + 0.5) / 10_000  # up to 40 updates

    def profile(updates, width):
        g = exponent(width)
        return np.where(s <= updates, (g + 1) * (s / updates) ** g / updates, 0.0)

    expected = (profile(*a) * profile(*b)).sum() / 10_000
    assert inner(Profile(*a), Profile(*b)) == pytest.approx(expected, rel=1e-4)
    assert inner(Profile(*b), Profile(*a)) == pytest.approx(expected, rel=1e-4)


def test_what_is_kept_is_made_of_itself_alone():
    kept = [Profile(updates, width) for updates in snapshot_updates(900, 8) for width in WIDTHS]
    for number, wanted in enumerate(kept):
        shares, missed = combination(kept, wanted)
        np.testing.assert_allclose(shares, np.eye(len(kept))[number], atol=1e-9)
        assert missed < 1e-6


def test_weight_that_never_moved_comes_back_as_it_is():
    kept = [Profile(updates, width) for updates in snapshot_updates(900, 8) for width in WIDTHS]
    for width in (0.03, 0.07, 0.15):
        assert combination(kept, Profile(900, width))[0].sum() == pytest.approx(1.0, abs=1e-9)


def test_rebuilt_averages_are_those_that_would_have_been_tracked(tmp_path):
    snapshots, tracked, places = walked(tmp_path, updates=600, others=(0.03, 0.07, 0.15))
    spread = torch.stack(places[300:]).std(0).mean()
    # A few thousandths to hundredths of how far the walk went, less than a tenth of what lies between the averages
    for width, most in ((0.05, 1e-3), (0.07, 5e-3), (0.10, 1e-3), (0.15, 0.02), (0.03, 0.03)):
        rebuilt = snapshots.rebuilt(Profile(600, width))["weight"]
        error = (rebuilt - tracked[width].average["weight"]).pow(2).mean().sqrt() / spread
        assert error < most, width
    between = (tracked[0.15].average["weight"] - tracked[0.10].average["weight"]).pow(2).mean().sqrt() / spread
    assert between > 0.05, "or the widths would be the same average"


def test_kept_widths_are_rebuilt_to_rounding_at_every_snapshot(tmp_path):
    module, random = nn.Linear(4, 3), torch.Generator().manual_seed(1)
    averages, kept = {width: EMA(module, width=width) for width in WIDTHS}, {}
    snapshots = Snapshots(tmp_path)
    for update in range(1, 101):
        walk(module, random)
        for width, ema in averages.items():
            ema.update(module)
            if update in snapshot_updates(100, 8):
                snapshots.save(ema, width)
                kept[Profile(update, width)] = {name: value.half().float() for name, value in ema.average.items()}
    assert len(kept) == 16
    for wanted, expected in kept.items():
        rebuilt = snapshots.rebuilt(wanted)
        for name, value in expected.items():
            torch.testing.assert_close(rebuilt[name], value, atol=1e-5, rtol=1e-5)


def test_width_that_the_snapshots_do_not_span_is_refused(tmp_path):
    snapshots = walked(tmp_path, updates=60, others=())[0]
    with pytest.raises(UserError, match=r"the 16 snapshots .* miss \d\d% of it, expected at most 10%"):
        snapshots.rebuilt(Profile(60, 0.01))


def test_damaged_snapshot_is_named(tmp_path):
    snapshots = walked(tmp_path, updates=10, others=())[0]
    (tmp_path / "00000010_0.05.safetensors").write_bytes(b"half of it")
    with pytest.raises(UserError, match=r"00000010_0\.05\.safetensors is no snapshot"):
        snapshots.rebuilt(Profile(10, 0.1))


class Line:
    """Stands in for a stage: its one weight goes up by one a step, and its loss is the distance to ``best``."""

    part, batches = "line", 200

    def __init__(self, best: float, snapshots: int = 8) -> None:
        self.best, self.snapshots, self.trained = best, snapshots, nn.Linear(1, 1, bias=False)
        nn.init.zeros_(self.trained.weight)

    def measure(self, batches: list[float]) -> dict[str, float]:
        return {"loss": abs(self.trained.weight.item() - self.best), "batches": len(batches)}

    def train(self, choice: WidthChoice) -> None:
        choice.averaging.on_fit_start(SimpleNamespace(), self)
        choice.on_fit_start(SimpleNamespace(), self)
        for _ in range(self.batches):
            with torch.no_grad():
                self.trained.weight.add_(1.0)
            choice.averaging.on_train_batch_end(SimpleNamespace(), self)
            choice.on_train_batch_end(SimpleNamespace(), self)


@pytest.mark.parametrize("width", [0.03, 0.05, 0.10, 0.15])
def test_choice_is_the_width_of_the_least_loss(tmp_path, width):
    mean = 200 * (1 - 1 / (exponent(width) + 2))  # of the power function; the weights at its middle are half a step up
    stage, choice = Line(mean + 0.5), WidthChoice(Averaging(WIDTHS), tmp_path)
    stage.train(choice)
    measured, why = choice.choose(stage, [0.0, 0.0])
    assert why["width"] == width
    assert set(why["losses"]) == {"0.03", "0.05", "0.1", "0.15"}
    assert measured == {"loss": pytest.approx(0.0, abs=0.6), "batches": 2}  # neighbours are 4 apart or more
    assert stage.trained.weight.item() == pytest.approx(mean + 0.5, abs=0.6)


def test_without_snapshots_the_choice_is_between_the_kept_widths(tmp_path):
    stage, choice = Line(0.0, snapshots=0), WidthChoice(Averaging(WIDTHS), tmp_path)
    stage.train(choice)
    assert choice.choose(stage, [0.0])[1]["losses"].keys() == {"0.05", "0.1"}
    assert choice.widths() == [0.05, 0.10]


def test_new_training_removes_the_snapshots_of_another(tmp_path):
    walked(tmp_path, updates=333, others=())
    stage, choice = Line(0.0), WidthChoice(Averaging(WIDTHS), tmp_path)
    stage.train(choice)
    assert max(profile.updates for profile in choice.snapshots.profiles().values()) == 200
