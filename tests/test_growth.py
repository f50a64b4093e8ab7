from __future__ import annotations

import dataclasses
import logging

import pytest
import torch
from sample_conditions import conditions
from torch import Tensor, nn

from conditioning.channels import CHANNELS, UNNAMED
from conditioning.conditions import Conditions
from drivesim.errors import UserError
from drivesim.networks.conditioner import ConditionEmbedder
from drivesim.networks.video import VideoNet
from drivesim.parts import PARTS, load_part, save_part
from drivesim.presets import load_preset
from drivesim.training.growth import same_but_for_growth, take_over
from drivesim.weight_files import weights_folder

NEW = {"maps": ("sky/0", "sky/known"), "signals": ("fog/0", "fog/1", "fog/known"), "tokens": ("door/0",)}


def inserted(names: tuple[str, ...], new: tuple[str, ...]) -> tuple[str, ...]:
    """The new names one by one in the middle, the last one behind all."""
    middle = len(names) // 2
    return (*names[:middle], *new[:-1], *names[middle:], new[-1])


GROWN = {kind: inserted(names, NEW[kind]) for kind, names in CHANNELS.items()}


@dataclasses.dataclass(frozen=True, eq=False)
class MoreConditions(Conditions):
    """Conditions with invented further channels, all of one value."""

    value: float = 0.0

    def map_stack(self) -> Tensor:
        return self._with(Conditions.map_stack(self), "maps", dim=2)

    def signal_stack(self) -> Tensor:
        return self._with(Conditions.signal_stack(self), "signals", dim=-1)

    def token_stack(self) -> tuple[Tensor, Tensor]:
        tokens, mask = Conditions.token_stack(self)
        return self._with(tokens, "tokens", dim=-1), mask

    def flat(self) -> Conditions:
        return more(Conditions.flat(self), self.value)

    def _with(self, stack: Tensor, kind: str, *, dim: int) -> Tensor:
        stack = stack.movedim(dim, 0)
        rows = dict(zip(CHANNELS[kind], stack, strict=True))
        filled = torch.full_like(stack[0], self.value)
        return torch.stack([rows.get(name, filled) for name in GROWN[kind]]).movedim(0, dim)


def more(cond: Conditions, value: float) -> MoreConditions:
    return MoreConditions(*(getattr(cond, field.name) for field in dataclasses.fields(Conditions)), value=value)


def loud(network: nn.Module) -> nn.Module:
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.2)
    return network.eval()


def saved(folder, part: str) -> nn.Module:
    """A part of today, saved with its names."""
    torch.manual_seed(0)
    config = load_preset("tiny")[part]
    network = loud(PARTS[part].build(config))
    save_part(folder, part, network, config, {PARTS[part].parent: "0" * 64})
    return network


def bigger(part: str, folder) -> nn.Module:
    """The part of a later day, which reads more conditions, gone on from what `saved` left."""
    sizes = {"map_channels": len(GROWN["maps"]), "signal_dim": len(GROWN["signals"]), "token_dim": len(GROWN["tokens"])}

    def with_sizes(value):
        if not isinstance(value, dict):
            return value
        return {name: with_sizes(entry) | {} if isinstance(entry, dict) else entry for name, entry in value.items()} | {
            name: size for name, size in sizes.items() if name in value
        }

    stored = load_part(folder, part)
    config = type(stored.config).from_dict(with_sizes(stored.config.to_dict()))
    assert config != stored.config
    assert same_but_for_growth(config, stored.config)
    network = loud(PARTS[part].build(config))
    take_over(network, stored.network.state_dict(), stored.inputs, source="old", inputs=GROWN)
    return network


@pytest.mark.parametrize("value", [0.0, 0.7])
def test_grown_unet_predicts_what_it_did_before(tmp_path, value):
    """With new conditions unknown (zero), and whatever they are as long as nothing is learned of them."""
    old, new = saved(tmp_path, "unet.image"), bigger("unet.image", tmp_path)
    x, noise, cond = torch.randn(2, 8, 8, 16), torch.rand(2), conditions(2, 1, (32, 64))
    told = old(x, noise, cond)
    torch.testing.assert_close(new(x, noise, more(cond, value)), told, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(new(x, noise, None), old(x, noise, None), rtol=1e-5, atol=1e-5)
    assert (told - old(x, noise, cond.without("road", "daylight"))).abs().max() > 1e-3, "it listens to what moved"


def test_grown_upsampler_predicts_what_it_did_before(tmp_path):
    old, new = saved(tmp_path, "up.image"), bigger("up.image", tmp_path)
    x, low, u, cond = (
        torch.randn(1, 3, 64, 64),
        torch.randn(1, 3, 16, 16),
        torch.full((1,), 0.5),
        conditions(1, 1, (16, 16)),
    )
    expected = old(x, u, cond, low=low, level=u)
    scale = float(expected.abs().max())  # sums over more channels are rounded in another order
    torch.testing.assert_close(new(x, u, more(cond, 0.7), low=low, level=u), expected, rtol=1e-5, atol=1e-5 * scale)


def test_grown_temporal_part_predicts_what_it_did_before(tmp_path):
    images = saved(tmp_path, "unet.image"), bigger("unet.image", tmp_path)
    parts = saved(tmp_path, "unet.temporal_key"), bigger("unet.temporal_key", tmp_path)
    old, new = (VideoNet(image, part).eval() for image, part in zip(images, parts, strict=True))
    x, noise, cond = torch.randn(1, 8, 8, 8, 16), torch.rand(1), conditions(1, 8, (32, 64))
    torch.testing.assert_close(new(x, noise, more(cond, 0.7)), old(x, noise, cond), rtol=1e-4, atol=1e-4)


def test_new_inputs_are_learned(tmp_path):
    saved(tmp_path, "unet.image")
    new = bigger("unet.image", tmp_path)
    new(torch.randn(2, 8, 8, 16), torch.rand(2), more(conditions(2, 1, (32, 64)), 0.7)).square().mean().backward()
    added = GROWN["maps"].index("sky/0")
    assert new.conditions.maps.weight.grad[:, added].abs().max() > 0


def test_growth_is_told_in_one_line_for_each_weight(tmp_path, caplog):
    saved(tmp_path, "unet.image")
    with caplog.at_level(logging.INFO, logger="drivesim.training.growth"):
        bigger("unet.image", tmp_path)
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 3
    before = len(CHANNELS["maps"])
    assert lines[0] == (
        f"old: conditions.maps.weight is [16, {before}, 4, 4], grown to [16, {before + 2}, 4, 4]; "
        "new inputs, at zero: sky/0, sky/known"
    )


def test_same_names_load_to_the_bit_and_without_a_word(tmp_path, caplog):
    old = saved(tmp_path, "unet.image")
    part = load_part(tmp_path, "unet.image")
    fresh = PARTS["unet.image"].build(part.config)
    with caplog.at_level(logging.INFO, logger="drivesim.training.growth"):
        take_over(fresh, part.network.state_dict(), part.inputs, source="old")
    assert all(torch.equal(value, old.state_dict()[name]) for name, value in fresh.state_dict().items())
    assert not caplog.records


@pytest.mark.parametrize("name", ["unet.image", "up.image"])
def test_shipped_parts_have_the_names_of_their_day(name):
    part = load_part(weights_folder("nano"), name)
    first = {kind: CHANNELS[kind][: len(names)] for kind, names in part.inputs.items()}  # what is newer stands behind
    assert part.inputs in (dict(UNNAMED), first)
    embedder = next(module for module in part.network.modules() if isinstance(module, ConditionEmbedder))
    assert embedder.maps.weight.shape[1] == len(part.inputs["maps"])
    assert embedder.signals[0].weight.shape[1] == len(part.inputs["signals"])
    if embedder.tokens is not None:
        assert embedder.tokens.embed.weight.shape[1] == len(part.inputs["tokens"])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda state: state.update({"told.weight": torch.zeros(32, 15, 1, 1)}),
            r"told\.weight is \[32, 15, 1, 1\], expected \[32, 16, 1, 1\]",
        ),
        (lambda state: state.update({"wings": torch.zeros(2)}), r"wings is \[2\], expected not there"),
        (lambda state: state.pop("told.bias"), r"told\.bias is not there, expected \[32\]"),
        (
            lambda state: state.update({"conditions.maps.weight": torch.zeros(16, 19, 4, 4)}),
            rf"conditions\.maps\.weight is \[16, 19, 4, 4\], expected {len(CHANNELS['maps'])} inputs",
        ),
    ],
)
def test_anything_else_that_does_not_fit_names_tensor_and_shapes(tmp_path, spoil, message):
    network = saved(tmp_path, "unet.image")
    state = network.state_dict()
    spoil(state)
    with pytest.raises(UserError, match=f"^old: {message}"):
        take_over(network, state, CHANNELS, source="old")


def test_condition_that_is_no_more_is_an_error(tmp_path):
    network = saved(tmp_path, "unet.image")
    fewer = CHANNELS | {"maps": CHANNELS["maps"][:-1]}
    with pytest.raises(UserError, match=r"conditions\.maps\.weight reads texture/known, expected only conditions"):
        take_over(network, network.state_dict(), CHANNELS, source="old", inputs=fewer)


def test_names_are_in_the_order_of_the_stacks():
    cond = conditions(1, 1, (4, 8)).without_all()
    known = {name: torch.ones(1, 1, dtype=torch.bool) for name in cond.known}
    assert len(CHANNELS["maps"]) == cond.map_stack().shape[2]
    assert len(CHANNELS["signals"]) == cond.signal_stack().shape[-1]
    assert len(CHANNELS["tokens"]) == cond.tokens.shape[-1]
    for kind, stack in (("maps", "map_stack"), ("signals", "signal_stack")):
        for name in getattr(cond, kind):
            alone = dataclasses.replace(cond, known=cond.known | {name: known[name]})
            there = getattr(alone, stack)()[0, 0] if kind == "signals" else getattr(alone, stack)()[0, 0].amax((1, 2))
            heard = {CHANNELS[kind][k] for k in there.nonzero().flatten()}
            ours = {word for word in CHANNELS[kind] if word.startswith(f"{name}/")}
            assert heard - {"interval/known", "interval/0"} <= ours | {"interval/0"}
            assert ours <= heard, name
