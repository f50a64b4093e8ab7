"""The gallery's tool, on random weights: what it writes, how large, and what its page says."""

from __future__ import annotations

import importlib.util
import io
import re
import sys
from pathlib import Path

import pytest
import yaml
from PIL import Image

from drivesim.errors import UserError
from drivesim.parts import load_weights
from drivesim.rollout import stream
from scenarios import load
from tests.tiny_weights import write_tiny_weights

TOOLS = Path(__file__).resolve().parent.parent / "tools"


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("gallery_tool", TOOLS / "gallery.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for the types of their fields
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return load_weights(write_tiny_weights(tmp_path_factory.mktemp("weights")))


@pytest.fixture(scope="module")
def make(tool, weights, tmp_path_factory):
    """A function that makes a small gallery, always from the same rollouts."""
    work, render, drawn = tmp_path_factory.mktemp("work"), tool.town_frames, {}

    def render_once(timeline, numbers):  # to draw the town takes longest
        frames = timeline.scenario.fingerprint, timeline.fps, tuple(numbers)
        if frames not in drawn:
            drawn[frames] = render(timeline, numbers)
        return drawn[frames]

    tool.town_frames = render_once  # the module is this file's own
    dusk = {"environment.initial.daylight": 0.5}
    scenes = (
        tool.Scene("bend", "A bend", "curved_road", (0.0, 0.4), dusk),
        tool.Scene("futures", "Two futures", "cut_in", (0.0, 0.2), futures=(1, 2)),
    )

    def made(out, *, pictures, about):
        failures = out.with_suffix(".yaml")
        failures.write_text(yaml.safe_dump({"weights": about, "pictures": pictures}))
        tool.make_gallery(
            weights, work=work, out=out, scenes=scenes, board=scenes[:1],
            loop=tool.Scene("loop", "", "cut_in", (0.2,)), failures=failures,
        )  # fmt: skip
        return (out / "gallery.md").read_text()

    return made


def test_gallery_is_a_page_with_pictures_that_are_there_and_comes_out_the_same_again(
    tool, weights, make, tmp_path, monkeypatch
):
    mark = tool.fingerprint(weights)
    page = make(tmp_path / "docs", pictures={"bend": "The road ends in a wall.", "futures": ""}, about=mark)
    links = re.findall(r"!\[.+\]\((.+)\)", page)
    assert links == ["pictures/gallery/bend.jpg", "pictures/gallery/futures.jpg"]
    sizes = [Image.open(tmp_path / "docs" / link).size for link in links]
    height, width = tool.SIZE
    assert [size[0] for size in sizes] == [2 * (width + 6) + 6] * 2
    assert all(3 * height < size[1] < 3.3 * height for size in sizes)  # town, model, boxes; town and two futures
    with Image.open(tmp_path / "docs" / "pictures" / "drive.webp") as film:
        assert (film.format, film.size, film.n_frames, film.info["loop"]) == ("WEBP", (512, 512), 4, 0)
    assert f"`curved_road`, daylight 0.5; seed 7; at 0.0, 0.4 s of 0.5 s; weights `{mark}`." in page
    assert "`cut_in`; seeds 1, 2; at 0.0, 0.3 s of 0.4 s" in page
    assert re.findall(r"\*\*Known to be wrong:\*\* (.+)", page) == ["The road ends in a wall."]
    assert "Nobody has written" not in page

    monkeypatch.setattr(stream, "Session", None)  # what is rolled out is not rolled out again
    (tmp_path / "again" / "pictures" / "gallery").mkdir(parents=True)
    (tmp_path / "again" / "pictures" / "gallery" / "old.jpg").touch()
    make(tmp_path / "again", pictures={"bend": "The road ends in a wall."}, about=mark)
    one, other = (
        {file.relative_to(tmp_path / name): file.read_bytes() for file in (tmp_path / name).rglob("*.*")}
        for name in ("docs", "again")
    )
    assert len(one) == 5  # the page, its two pictures, the storyboard, the looping picture
    assert one == other


def test_sentences_about_other_weights_are_not_repeated(tool, tmp_path):
    failures = tmp_path / "failures.yaml"
    failures.write_text(yaml.safe_dump({"weights": "0123456789ab", "pictures": {"bend": "It is dark."}}))
    assert tool.known_failures(failures, "0123456789ab", ["bend", "futures"]) == {"bend": "It is dark.", "futures": ""}
    assert tool.known_failures(failures, "ba9876543210", ["bend", "futures"]) is None
    assert "Nobody has written down yet" in tool.page([], {}, "ba9876543210", None)


def test_sentence_about_a_picture_that_there_is_not_is_refused(make, tmp_path):
    with pytest.raises(UserError, match="no picture 'sunset', expected some of bend, futures"):
        make(tmp_path / "docs", pictures={"sunset": "It is green."}, about="")


def test_pictures_lose_quality_until_they_fit(tool):
    noise = {name: tool.np.random.default_rng(0).integers(0, 255, (64, 64, 3), tool.np.uint8) for name in "ab"}
    best = tool.jpegs(noise, most=10**6)
    fewest = tool.jpegs(noise, most=sum(map(len, best.values())) // 2)
    assert sum(map(len, fewest.values())) <= sum(map(len, best.values())) // 2
    assert Image.open(io.BytesIO(fewest["a"])).size == (64, 64)
    with pytest.raises(UserError, match="2 pictures take more than 100 bytes"):
        tool.jpegs(noise, most=100)


def test_scenes_of_the_gallery_are_known_long_enough_and_have_a_place_for_what_is_wrong(tool):
    for scene in (*tool.SCENES, tool.LOOP):
        assert load(scene.scenario, dict(scene.values)).clock.duration > max(scene.moments), scene.name
    assert len(tool.BOARD) == 12
    assert list(yaml.safe_load(tool.FAILURES.read_text())["pictures"]) == [scene.name for scene in tool.SCENES]
