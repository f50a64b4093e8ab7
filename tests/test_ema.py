from __future__ import annotations

import pytest
import torch
from torch import nn

from drivesim.training.ema import EMA


def one_number(value: float) -> nn.Linear:
    module = nn.Linear(1, 1, bias=False)
    nn.init.constant_(module.weight, value)
    return module


def test_first_update_takes_the_weights_as_they_are():
    module = one_number(0.0)
    ema = EMA(module)
    nn.init.constant_(module.weight, 3.0)
    ema.update(module)
    assert ema.average["weight"].item() == 3.0


def test_second_update_keeps_the_share_that_the_formula_says():
    module = one_number(1.0)
    ema = EMA(module, width=0.10)
    ema.update(module)
    nn.init.constant_(module.weight, 2.0)
    ema.update(module)
    beta = 0.5**7.9372  # (1 - 1/2) ** (6.9372 + 1)
    assert ema.average["weight"].item() == pytest.approx(1.0 * beta + 2.0 * (1 - beta), abs=1e-6)


def test_average_reaches_back_over_a_fixed_share_of_the_run():
    def lag(updates: int) -> float:
        module = one_number(0.0)
        ema = EMA(module, width=0.05)
        for position in range(1, updates + 1):
            nn.init.constant_(module.weight, float(position))
            ema.update(module)
        return 1 - ema.average["weight"].item() / updates

    assert lag(200) == pytest.approx(lag(2000), rel=0.15)
    assert lag(2000) == pytest.approx(1 / 18.97, rel=0.05)  # mean age of the window is 1 / (exponent + 2) of the run


def test_swapped_weights_come_back_as_they_were():
    module = one_number(1.0)
    ema = EMA(module)
    ema.update(module)
    nn.init.constant_(module.weight, 5.0)
    with ema.swapped(module):
        assert module.weight.item() == 1.0
    assert module.weight.item() == 5.0


def test_frozen_parameters_are_not_averaged():
    module = nn.Sequential(one_number(1.0), one_number(2.0))
    module[0].requires_grad_(False)
    assert list(EMA(module).average) == ["1.weight"]


def test_loaded_state_goes_on_exactly():
    torch.manual_seed(0)
    module = nn.Linear(3, 3)
    ema, resumed = EMA(module), EMA(module)
    ema.update(module)
    resumed.load_state_dict({**ema.state_dict(), "average": {k: v.clone() for k, v in ema.average.items()}})
    with torch.no_grad():
        module.weight.add_(1.0)
    ema.update(module)
    resumed.update(module)
    assert all(torch.equal(ema.average[name], resumed.average[name]) for name in ema.average)


def test_state_of_another_module_is_refused():
    with pytest.raises(ValueError, match="expected 1 of the same names"):
        EMA(one_number(0.0)).load_state_dict(EMA(nn.Linear(1, 1)).state_dict())
