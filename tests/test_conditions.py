from dataclasses import replace

import numpy as np
import pytest
import torch

from conditioning import MAP_CHANNELS, MAX_TOKENS, NAMES, SIGNAL_DIM, TOKEN_DIM, Conditions, encode
from scenarios.facts import (
    Camera,
    Crowdedness,
    EgoState,
    FrameFacts,
    LaneLine,
    ObjectFacts,
    RoadFacts,
    SceneryFacts,
)

ROAD = RoadFacts((LaneLine("solid", "white", ((2.0, -2.0), (60.0, -2.0))),), ((2, 4), (60, 4), (60, -4), (2, -4)))
FULL = FrameFacts(
    0, 0.0, daylight=0.2, weather="foggy", crowdedness=Crowdedness(1, 0), ego=EgoState(0, 0, 0, 12.0, odometer=3.0),
    camera=Camera(), road=ROAD, scenery=(SceneryFacts("building", (20.0, 9.0, 4.0), (10.0, 8.0, 8.0), 0.0),),
    objects=(ObjectFacts(1, "car", (400, 200, 600, 300), depth=12.0),),
)  # fmt: skip
INDEX = {name: index for index, name in enumerate(NAMES)}


def told(*frames: FrameFacts, **changes) -> Conditions:
    arguments = {"interval": 1 / 30, "origin": "town", "size": (16, 32), **changes}
    return encode(list(frames) or [FULL], **arguments).validate()


def varied(t: int = 4) -> Conditions:
    return told(*(replace(FULL, index=k, time=k / 30, daylight=k / 10) for k in range(t)))


def seen(conditions: Conditions) -> list[torch.Tensor]:
    return [conditions.map_stack(), conditions.signal_stack(), *conditions.token_stack()]


def same(a: Conditions, b: Conditions) -> bool:
    return all(torch.equal(x, y) for x, y in zip(seen(a), seen(b), strict=True))


def test_networks_see_the_promised_shapes():
    conditions = varied(3)
    assert (conditions.b, conditions.t, conditions.size) == (1, 3, (16, 32))
    assert conditions.map_stack().shape == (1, 3, MAP_CHANNELS, 16, 32)
    assert conditions.signal_stack().shape == (1, 3, SIGNAL_DIM)
    tokens, mask = conditions.token_stack()
    assert tokens.shape == (1, 3, MAX_TOKENS, TOKEN_DIM)
    assert mask.sum(-1).tolist() == [[1, 1, 1]]


@pytest.mark.parametrize("name", ["daylight", "weather", "crowdedness", "ego", "camera", "road", "scenery", "objects"])
def test_any_fact_may_be_unknown_and_only_its_own_condition_is(name):
    conditions = told(replace(FULL, **{name: None}), image_size=(512, 1024))
    drawn = {"scenery", "ground", "texture"}  # without a camera none is
    hidden = {"camera": {"camera", "road", *drawn}, "ego": {"ego", "ground", "texture"}}
    unknown = {"objects": {"boxes"}, **hidden}.get(name, {name})
    assert {key for key, known in conditions.known.items() if not known.all()} == unknown


def test_unknown_boxes_are_not_the_same_as_no_boxes():
    unknown, none = told(replace(FULL, objects=None)), told(replace(FULL, objects=()))
    assert none.maps["boxes"].abs().max() == 0
    assert not torch.equal(unknown.map_stack(), none.map_stack())
    assert not torch.equal(unknown.signal_stack(), none.signal_stack())
    assert not same(unknown, none)


def test_the_rest_of_a_frame_is_seen_alike_whether_a_condition_is_unknown_or_taken_away():
    assert same(told(FULL).without("boxes"), told(replace(FULL, objects=None)))


def test_boxes_of_an_image_of_unknown_size_are_an_error():
    with pytest.raises(ValueError, match="image_size"):
        told(replace(FULL, camera=None))


def test_boxes_are_scaled_by_the_size_of_their_own_image():
    car = ObjectFacts(1, "car", (100, 50, 150, 75), depth=12.0)
    small = replace(FULL, camera=FULL.camera.resized(256, 128), objects=(car,))
    assert torch.equal(told(small).maps["boxes"], told(FULL).maps["boxes"])


def test_dropping_is_per_condition_and_per_clip_over_all_frames():
    batch = Conditions.stack([varied()] * 400)
    dropped = batch.drop(0.25, torch.Generator().manual_seed(0))
    flags = torch.stack([dropped.known[name] for name in NAMES], dim=-1)
    assert (flags == flags[:, :1]).all()  # all frames of a clip together
    rates = 1.0 - flags[:, 0].float().mean(0)
    assert rates.tolist() == pytest.approx([0.25] * len(NAMES), abs=0.08)
    assert torch.corrcoef(flags[:, 0].float().T).fill_diagonal_(0).abs().max() < 0.25
    again = batch.drop(0.25, torch.Generator().manual_seed(0))
    assert same(dropped, again)


def test_a_rate_for_one_condition_leaves_the_others_alone():
    batch = Conditions.stack([varied()] * 50)
    dropped = batch.drop({"boxes": 1.0}, torch.Generator().manual_seed(0))
    assert same(dropped, batch.without("boxes"))
    assert dropped.token_stack()[1].sum() == 0


def test_everything_can_be_dropped_at_once_for_guidance():
    dropped = varied().drop(0.0, torch.Generator().manual_seed(0), everything=1.0)
    assert same(dropped, varied().without_all())
    assert [name for name, known in dropped.known.items() if known.any()] == ["interval"]


def test_nothing_of_an_unknown_value_reaches_the_network():
    day, night = told(replace(FULL, daylight=1.0)), told(replace(FULL, daylight=0.0))
    assert not same(day, night)
    assert same(day.without("daylight"), night.without("daylight"))


def test_frames_flat_stack_and_cat_put_every_frame_where_it_belongs():
    clip = varied(4)
    assert same(Conditions.cat([clip.frames(0), clip.frames(slice(1, 3)), clip.frames([3])]), clip)
    both = Conditions.stack([clip, clip.without("boxes")])
    flat = both.flat()
    assert (flat.b, flat.t) == (8, 1)
    assert torch.equal(flat.signal_stack()[5, 0], both.signal_stack()[1, 1])
    assert torch.equal(flat.map_stack()[2, 0], both.map_stack()[0, 2])


def test_the_same_frames_can_be_used_at_another_interval():
    slow = told(*(replace(FULL, index=k, daylight=k / 10) for k in range(4)), interval=1 / 7.5)
    assert same(varied().at_interval(1 / 7.5), slow)
    each = Conditions.stack([varied()] * 2).at_interval([1 / 30, 1 / 1.875])
    assert each.signals["interval"][:, 0, 0].tolist() == pytest.approx([0.0, 1.0])


def test_compact_arrays_keep_values_to_half_a_step_and_flags_exactly():
    clip = varied().without("road")
    arrays = clip.to_arrays()
    assert arrays["boxes"].dtype == np.int8
    back = Conditions.from_arrays(arrays).validate()
    assert (back.map_stack() - clip.map_stack()).abs().max() <= 0.5 / 127 + 1e-6
    assert torch.equal(back.signal_stack(), clip.signal_stack())
    assert (back.tokens - clip.tokens).abs().max() < 1e-3
    windows = {name: np.concatenate([array[:, 0:2], array[:, 2:4]]) for name, array in arrays.items()}
    assert same(Conditions.from_arrays(windows).frames(1), Conditions.stack([back.frames(1), back.frames(3)]))


def test_values_change_type_and_flags_do_not():
    half = varied().to("cpu", torch.bfloat16)
    assert half.map_stack().dtype == half.signal_stack().dtype == half.token_stack()[0].dtype == torch.bfloat16
    assert half.known["boxes"].dtype == torch.bool


def test_wrong_tensors_and_names_are_errors():
    clip = varied()
    with pytest.raises(ValueError, match="expected"):
        replace(clip, tokens=clip.tokens[..., :5]).validate()
    with pytest.raises(ValueError, match="finite"):
        replace(clip, signals={**clip.signals, "ego": clip.signals["ego"] * torch.nan}).validate()
    with pytest.raises(ValueError, match="names"):
        clip.without("moon")
