import pytest
import torch

from drivesim.diffusion import classifier_free, context_guidance

X, U = torch.zeros(2), torch.zeros(2)


def says(value, calls=None):
    def predict(x, u):
        if calls is not None:
            calls.append(value)
        return x + value

    return predict


@pytest.mark.parametrize(("scale", "expected"), [(0.0, 1.0), (1.0, 3.0), (2.0, 5.0), (7.5, 16.0)])
def test_guidance_extrapolates_from_without_to_with(scale, expected):
    assert classifier_free(says(3.0), says(1.0), scale)(X, U).tolist() == [expected] * 2


def test_scale_one_costs_one_call():
    calls = []
    classifier_free(says(3.0, calls), says(1.0, calls), 1.0)(X, U)
    assert calls == [3.0]


def test_context_guidance_is_equation_4_and_refuses_a_scale_below_one():
    assert context_guidance(says(4.0), says(1.0), 2.0)(X, U).tolist() == [7.0] * 2
    with pytest.raises(ValueError, match=r"scale is 0\.5, expected 1 or more"):
        context_guidance(says(4.0), says(1.0), 0.5)


def test_guidances_nest():
    conditions = classifier_free(says(3.0), says(1.0), 2.0)  # 5
    assert context_guidance(conditions, says(2.0), 3.0)(X, U).tolist() == [2.0 + 3 * 3.0] * 2
