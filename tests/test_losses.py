"""The perceptual loss against an independent computation, and what it is sensitive to; feature matching by hand."""

import cv2
import numpy as np
import pytest
import torch

from drivesim.training.losses import SCARCE, feature_matching, inside_l1, nlpd
from drivesim.training.pictures import PictureLoss


def picture(n=1, height=64, width=96):
    """Pictures (n 3 h w) with smooth shading, boxes and a little texture."""
    draw = np.random.default_rng(0)
    x = np.linspace(0.7, -0.5, height)[:, None] + np.linspace(-0.2, 0.2, width) + np.zeros((n, 3, 1, 1))
    x[..., 20:40, 30:60] = draw.uniform(-0.8, 0.8, (n, 3, 1, 1))
    return torch.tensor(x + 0.05 * draw.standard_normal(x.shape), dtype=torch.float32).clamp(-1, 1)


def nlpd_of_one_channel(a, b):
    """The authors' NLP_dist.m by OpenCV and NumPy, for grey pictures (h w) in [0, 1]."""
    blur = np.array([0.05, 0.25, 0.4, 0.25, 0.05])
    printed = [  # F2 of each level: sigma, above, left, right, below
        (0.0248, 0.1011, 0.1493, 0.1460, 0.1015),
        (0.0185, 0.0757, 0.1986, 0.1846, 0.0837),
        (0.0179, 0.0477, 0.2138, 0.2243, 0.0467),
        (0.0191, 0, 0.2503, 0.2616, 0),
        (0.0220, 0, 0.2598, 0.2552, 0),
        (0.2782, 0, 0.2215, 0.0717, 0),
    ]

    def normalised(x):
        pyramid = []
        for _ in range(5):
            small = cv2.sepFilter2D(x, -1, blur, blur, borderType=cv2.BORDER_REFLECT)[::2, ::2]
            wide = np.pad(small, 1, mode="edge")
            zeros = np.zeros((2 * wide.shape[0], 2 * wide.shape[1]))
            zeros[::2, ::2] = 4 * wide
            large = cv2.sepFilter2D(zeros, -1, blur, blur, borderType=cv2.BORDER_CONSTANT)[2:-2, 2:-2]
            pyramid.append(x - large[: x.shape[0], : x.shape[1]])
            x = np.ascontiguousarray(small)
        out = []
        for k, (level, (sigma, above, left, right, below)) in enumerate(zip([*pyramid, x], printed, strict=True)):
            kernel = np.zeros((5, 5))
            kernel[1, 2], kernel[2, 1], kernel[2, 3], kernel[3, 2] = above, left, right, below
            kernel[2, 4] = 0.0072 if k == 0 else 0
            turned = np.ascontiguousarray(kernel[::-1, ::-1])  # conv2 convolves, OpenCV correlates
            out.append(level / (sigma + cv2.filter2D(np.abs(level), -1, turned, borderType=cv2.BORDER_CONSTANT)))
        return out

    pairs = zip(normalised(a), normalised(b), strict=True)
    return np.mean([np.sqrt(np.mean((p - q) ** 2)) for p, q in pairs])


@pytest.mark.parametrize("size", [(64, 96), (77, 51), (17, 40)])
def test_nlpd_agrees_with_the_authors_program(size):
    a = picture(2, *size) if size[0] > 40 else picture(2, 64, 96)[..., : size[0], : size[1]]
    b = (a + 0.1 * torch.randn(a.shape, generator=torch.Generator().manual_seed(0))).clamp(-1, 1)
    grey = [(x.double().numpy() + 1) / 2 for x in (a, b)]
    expected = np.mean([nlpd_of_one_channel(grey[0][n, c], grey[1][n, c]) for n in range(2) for c in range(3)])
    assert nlpd(a, b).item() == pytest.approx(expected, rel=1e-4)


def test_nlpd_of_equal_pictures_is_zero_and_pulls_nowhere():
    x = picture().requires_grad_()
    loss = nlpd(x, x.detach())
    loss.backward()
    assert loss == 0
    assert torch.equal(x.grad, torch.zeros_like(x))


def test_nlpd_grows_with_blur_and_with_noise():
    x = picture()
    blurred = [torch.tensor(cv2.GaussianBlur(x[0, 0].numpy(), (0, 0), s)).expand(1, 3, -1, -1) for s in (0.5, 1, 2, 4)]
    told = [nlpd(b, x[:, :1].expand(-1, 3, -1, -1)).item() for b in blurred]
    assert 0 < told[0] < told[1] < told[2] < told[3]
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    told = [nlpd(x + size * noise, x).item() for size in (0.01, 0.03, 0.1, 0.3)]
    assert 0 < told[0] < told[1] < told[2] < told[3]


def test_nlpd_minds_brightness_less_than_l1_does():
    x = picture()
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    noise *= 0.1 / noise.abs().mean()  # both are 0.1 from the truth by L1
    assert nlpd(x + 0.1, x) < 0.2 * nlpd(x + noise, x)


def test_nlpd_leads_a_picture_to_the_truth_also_in_mixed_precision():
    x = picture()
    made = torch.nn.Parameter(torch.tensor(cv2.GaussianBlur(x[0, 0].numpy(), (0, 0), 2)).expand(1, 3, -1, -1).clone())
    before, optimizer = nlpd(made, x).item(), torch.optim.Adam([made], 0.01)
    for _ in range(20):
        with torch.autocast("cpu", torch.bfloat16):
            loss = nlpd(made, x)
        optimizer.zero_grad()
        loss.backward()
        assert made.grad.isfinite().all()
        optimizer.step()
    assert loss < 0.8 * before
    with torch.autocast("cpu", torch.bfloat16):
        mixed = nlpd(made, x)
    assert torch.equal(mixed, nlpd(made, x))


def test_nlpd_refuses_pictures_without_six_levels():
    with pytest.raises(ValueError, match=r"16, 40.*expected at least 17"):
        nlpd(torch.zeros(1, 3, 16, 40), torch.zeros(1, 3, 16, 40))


def test_feature_matching_sums_the_layers_means_and_moves_the_made_picture_alone():
    real = [torch.tensor([1.0, 3.0], requires_grad=True), torch.tensor([2.0])]
    fake = [torch.tensor([2.0, 1.0], requires_grad=True), torch.tensor([5.0])]
    loss = feature_matching(real, fake)
    assert loss == (1 + 2) / 2 + 3
    loss.backward()
    assert fake[0].grad.tolist() == [0.5, -0.5]
    assert real[0].grad is None


def test_errors_inside_boxes_count_kind_by_kind():
    """A box of 4 x 5 pixels that are all off by 0.5, one of 2 x 2 that is right; outside an error that does not count.

    Of neighbouring pixels those at the box's right side and at its bottom differ: 4 and 5 of its 20.
    """
    truth = torch.zeros(1, 3, 32, 48)
    made, covered = truth.clone(), torch.zeros(1, 3, 32, 48)
    covered[0, 0, 8:12, 10:15] = 1.0
    made[0, :, 8:12, 10:15] = 0.5
    covered[0, 1, 20:22, 20:22] = 1.0
    made[0, :, 28:, 40:] = 1.0
    scarce = SCARCE * 32 * 48
    expected = (20 * 0.5 + (4 + 5) * 0.5) / (20 + scarce)
    assert inside_l1(made, truth, covered).item() == pytest.approx(expected / 3)  # of three kinds


def test_foreground_adds_the_errors_inside_boxes_of_maps_of_any_size():
    boxes = torch.zeros(1, 2, 2, 8, 12)
    boxes[:, :, 1, 2:4, 3:6] = 0.5
    truth = picture(2)[None]
    made = truth.clone()
    made[..., 16:32, 24:48] += 0.1
    plain, more = (
        PictureLoss(1.0, 1.0, 0.0, 0.0, 0.0, begins=0, foreground=weight)(made, truth, None, batch=0, boxes=boxes)
        for weight in (0.0, 3.0)
    )
    covered = boxes.flatten(0, 1).repeat_interleave(8, -1).repeat_interleave(8, -2)
    inside = inside_l1(made.flatten(0, 1), truth.flatten(0, 1), covered)
    assert more["foreground"] == inside > 0
    assert more["loss"].item() == pytest.approx(plain["loss"].item() + 3 * inside.item())


@pytest.mark.parametrize("windows", [False, True])
def test_loss_of_pictures_is_the_weighted_sum_of_its_parts(windows):
    weights = {"gradient": 2.0, "motion": 3.0, "perceptual": 0.5, "adversarial": 0.1, "matching": 0.7}
    loss = PictureLoss(**weights, begins=5)
    torch.manual_seed(0)
    adversary, truth = loss.adversary(windows=windows), picture(4).unflatten(0, (2, 2))
    made = truth + 0.1 * torch.randn_like(truth)
    weights = {"l1": 1.0, "critic": 1.0, "fooling": weights.pop("adversarial"), **weights}
    early, late = (loss(made, truth, adversary, batch=batch) for batch in (4, 5))
    for losses in (early, late):
        assert set(losses) == {"loss", "psnr", *weights}
        assert losses["loss"].item() == pytest.approx(
            sum(w * losses[name].item() for name, w in weights.items()), rel=1e-5
        )
    assert early["critic"] == early["matching"] == early["fooling"] == 0
    assert late["critic"] > 0
    assert late["matching"] > 0
    with torch.no_grad():
        assert "critic" not in loss(made, truth, adversary, batch=5)


def test_loss_of_weight_zero_is_not_computed():
    loss = PictureLoss(1.0, 1.0, perceptual=0.0, adversarial=0.0, matching=0.0, begins=0)
    assert loss.adversary(windows=False) is None
    assert set(loss(picture()[None], picture()[None], None, batch=0)) == {"loss", "l1", "gradient", "psnr"}
