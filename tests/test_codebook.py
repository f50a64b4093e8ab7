"""VQ: nearest codes and gradients by hand, idle codes come back, a tiny VQ autoencoder learns and is stored."""

import copy
import dataclasses
import itertools
import math

import pytest
import torch

from drivesim.networks.autoencoder import Autoencoder, AutoencoderConfig
from drivesim.networks.codebook import CELLS_AT_ONCE, COMMITMENT, Codebook, Unquantised
from drivesim.parts import load_part, save_part
from drivesim.presets import load_preset
from drivesim.training import codec, revival
from drivesim.training.revival import PATIENCE, Revival
from drivesim.training.stages import AutoencoderStage

VQ = dataclasses.replace(load_preset("tiny")["ae.image"], codebook=32)


def book(*codes):
    """A codebook of these codes."""
    made = Codebook(len(codes), len(codes[0]))
    made.codes.data = torch.tensor(codes)
    return made


def cells(*rows):
    """Latents (1 c 1 w) of these cells."""
    return torch.tensor(rows).T[None, :, None]


def frames(count, seed=0):
    """Pictures (n 3 64 128): a sky, a street, and a coloured box somewhere."""
    draw = torch.Generator().manual_seed(seed)
    shade = torch.linspace(0.8, -0.6, 64)[:, None] + torch.linspace(-0.2, 0.2, 128)
    x = shade.expand(count, 3, 64, 128).clone()
    for picture in x:
        top, left = (int(torch.randint(8, side, (), generator=draw)) for side in (32, 80))
        picture[:, top : top + 24, left : left + 40] = torch.rand(3, 1, 1, generator=draw) * 2 - 1
    return x


def test_nearest_codes_by_hand_and_of_equally_near_ones_the_first():
    codes = book([0.0, 0.0], [1.0, 0.0], [1.0, 1.0])
    z = cells([0.1, 0.2], [0.8, 0.3], [0.8, 0.6], [5.0, 5.0], [0.5, 0.0])
    assert codes.nearest(z).tolist() == [[[0, 1, 2, 2, 0]]]


def test_nearest_codes_of_many_cells_are_those_of_all_distances():
    torch.manual_seed(0)
    codes, z = book(*torch.randn(50, 4).tolist()), torch.randn(3, 4, 32, 16)
    assert 3 * 32 * 16 > CELLS_AT_ONCE
    far = (z[:, None] - codes.codes[None, :, :, None, None]).square().sum(2)
    assert torch.equal(codes.nearest(z), far.argmin(1))


def test_codes_are_given_exactly_and_the_gradient_goes_straight_through():
    codes = book([0.1, 0.2], [0.7, 0.9])
    z = cells([0.0, 0.3], [0.9, 0.9]).requires_grad_()
    quantised = codes(z)
    assert torch.equal(quantised, cells([0.1, 0.2], [0.7, 0.9]))
    weight = cells([1.0, 2.0], [3.0, 4.0])
    (quantised * weight).sum().backward()
    assert torch.equal(z.grad, weight)
    assert codes.codes.grad is None


def test_loss_draws_codes_to_latents_and_by_a_quarter_latents_to_codes():
    codes = book([0.0, 0.0], [1.0, 1.0], [9.0, 9.0])
    z = cells([0.2, 0.0], [1.0, 0.6]).requires_grad_()
    losses = Unquantised(z, z, codes).losses()
    assert losses["vq"].item() == pytest.approx(1.25 * (0.2**2 + 0.4**2) / 4)
    losses["vq"].backward()
    assert COMMITMENT == 0.25
    torch.testing.assert_close(z.grad, 0.25 * 2 / 4 * cells([0.2, 0.0], [0.0, -0.4]))
    torch.testing.assert_close(codes.codes.grad, -2 / 4 * torch.tensor([[0.2, 0.0], [0.0, -0.4], [0.0, 0.0]]))


def test_perplexity_counts_the_codes_in_use():
    codes = book([0.0], [1.0], [2.0], [3.0])
    assert Unquantised(z := cells([0.0], [1.0]), z, codes).losses()["perplexity"].item() == pytest.approx(2.0)
    uneven = Unquantised(z := cells([0.0], [0.0], [0.0], [1.0]), z, codes).losses()["perplexity"]
    assert uneven.item() == pytest.approx(math.exp(-0.75 * math.log(0.75) - 0.25 * math.log(0.25)))


def test_fresh_codes_lie_on_the_first_latents_and_idle_ones_come_back():
    codes, z, generator = Codebook(6, 2), cells([0.5, 0.5], [-0.5, 0.25]), torch.Generator().manual_seed(0)
    watched = Revival(6)
    watched.revive(codes, z, generator)
    assert {tuple(code) for code in codes.codes.tolist()} == {(0.5, 0.5), (-0.5, 0.25)}
    codes.codes.data[2:] = 50.0 + torch.arange(4.0)[:, None]  # four that no latent is near to
    codes.codes.data[:2] = torch.tensor([[0.5, 0.5], [-0.5, 0.25]])
    for _ in range(PATIENCE - 1):
        watched.revive(codes, z, generator)
    assert codes.codes[2:].min() == 50.0, "they are given time"
    watched.revive(codes, z, generator)
    assert {tuple(code) for code in codes.codes.tolist()} == {(0.5, 0.5), (-0.5, 0.25)}
    assert codes.codes[:2].tolist() == [[0.5, 0.5], [-0.5, 0.25]], "codes in use stay"


def stage(monkeypatch, **settings):
    """A stage that trains the tiny autoencoder with a codebook."""
    monkeypatch.setattr(codec, "load_preset", lambda preset: {"ae.image": VQ})
    torch.manual_seed(0)
    made = AutoencoderStage("ae.image", "tiny", "", batches=60, rate=3e-3, warm_up=5, **settings)
    return made, torch.optim.AdamW(made.groups(), made.rate, (0.9, 0.99), weight_decay=0.0)


def train(made, optimizer, numbers):
    """The losses of batches; batch n is the same whenever it comes."""
    curve = []
    for number in numbers:
        batch = {"number": number, "colour": frames(2, seed=number)[:, None]}
        losses = made.compute(batch, torch.Generator().manual_seed(number))
        optimizer.zero_grad()
        losses["loss"].backward()
        optimizer.step()
        curve.append({name: value.item() for name, value in losses.items()})
    return curve


def test_tiny_vq_autoencoder_learns_and_uses_its_codes(monkeypatch):
    made, optimizer = stage(monkeypatch)
    curve = train(made, optimizer, [n % 4 for n in range(61)])
    first, last = curve[1:5], curve[-4:]  # the codes lie on the latents of batch 0 itself
    assert sum(row["l1"] for row in last) < 0.6 * sum(row["l1"] for row in first)
    assert sum(row["psnr"] for row in last) > sum(row["psnr"] for row in first) + 4 * 3.0
    assert curve[-1]["perplexity"] > 4
    assert "kl" not in curve[0]


def test_vq_training_taken_up_again_is_the_uninterrupted_one(monkeypatch):
    monkeypatch.setattr(revival, "PATIENCE", 3)
    whole, optimizer = stage(monkeypatch)
    before = train(whole, optimizer, range(4))
    kept = [{name: value.clone() for name, value in whole.state_dict().items()}, copy.deepcopy(optimizer.state_dict())]
    resumed, again = stage(monkeypatch)
    resumed.load_state_dict(kept[0])
    again.load_state_dict(kept[1])
    assert train(resumed, again, range(4, 10)) == train(whole, optimizer, range(4, 10)) != before
    assert whole.revival.idle.max() > 0
    pairs = itertools.zip_longest(whole.state_dict().values(), resumed.state_dict().values())
    assert all(torch.equal(a, b) for a, b in pairs)


def test_codes_rest_while_the_rate_falls(monkeypatch):
    monkeypatch.setattr(revival, "PATIENCE", 1)
    made, optimizer = stage(monkeypatch)
    train(made, optimizer, [0, 1])
    made.trained.codebook.codes.data[-1] = 50.0
    train(made, optimizer, [36])  # of 60, with the default cool_down of 0.4
    assert made.trained.codebook.codes[-1].min() > 49
    train(made, optimizer, [35])
    assert made.trained.codebook.codes[-1].max() < 2


def filled():
    """A VQ autoencoder whose codes are latents of pictures."""
    torch.manual_seed(0)
    net = Autoencoder(VQ)
    for parameter in (*net.encoder.parameters(), *net.decoder.parameters()):
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)
    Revival(VQ.codebook).revive(net.codebook, net.encode(frames(4)).plain, torch.Generator().manual_seed(0))
    net.codebook.codes.data += 1e-3 * torch.randn_like(net.codebook.codes)
    return net


def test_latents_are_not_quantised_and_the_decoder_quantises_them():
    net, x = filled(), frames(2, seed=1)
    z = net.encode(x).mode()
    assert torch.equal(z, net.encode(x).sample(torch.Generator()))
    assert (z - net.codebook(z)).abs().max() > 1e-3
    assert torch.equal(net.decode(z), net.decode(net.codebook(z)))


def test_fitted_latents_are_scaled_and_decode_to_the_same_picture():
    net, x = filled(), frames(4)
    before = net.encode(x)
    picture, loss = net.decode(before.mode()), before.losses()["vq"]
    net.fit_latents(before.mode().mean((0, 2, 3)), before.mode().std((0, 2, 3)))
    after = net.encode(x)
    torch.testing.assert_close(after.mode().mean((0, 2, 3)), torch.zeros(8), atol=1e-4, rtol=0)
    torch.testing.assert_close(after.mode().std((0, 2, 3)), torch.tensor([1.0] * 3 + [0.5] * 5), atol=1e-3, rtol=0)
    torch.testing.assert_close(net.decode(after.mode()), picture, atol=1e-4, rtol=0)
    torch.testing.assert_close(after.losses()["vq"], loss)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_part_with_a_codebook_comes_back(tmp_path, dtype):
    net, x = filled(), frames(2)
    save_part(tmp_path, "ae.image", net, VQ, {}, dtype=dtype)
    again = load_part(tmp_path, "ae.image")
    assert again.config == VQ
    assert torch.equal(again.network.codebook.codes, net.codebook.codes.to(dtype).float())
    z = net.encode(x).mode()
    lost = [(z - codes(z)).square().mean().item() for codes in (net.codebook, again.network.codebook)]
    assert lost[1] == pytest.approx(lost[0], rel=0 if dtype == torch.float32 else 0.01)


def test_base_has_the_papers_codebook_and_small_presets_have_none():
    assert {name: load_preset(name)["ae.image"].codebook for name in ("base", "nano", "tiny")} == {
        "base": 16384, "nano": 0, "tiny": 0,
    }  # fmt: skip
    with pytest.raises(ValueError, match="a codebook of -1 codes"):
        Autoencoder(AutoencoderConfig(codebook=-1))
