"""Fréchet and kernel distance: worked by hand, against SciPy and TorchMetrics; the features they take."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from scipy.linalg import sqrtm
from torchmetrics.image.fid import _compute_fid
from torchmetrics.image.kid import poly_mmd

from drivesim.errors import UserError
from drivesim.metrics.features import METADATA_KEY, OnnxFeatures, Pixels, Texture, load_features
from drivesim.metrics.frechet import frechet_distance, frechet_of_gaussians, kernel_distance


def test_two_gaussians_by_hand() -> None:
    # Commuting covariances: |m1 - m2|^2 + sum (s1 - s2)^2 over the standard deviations of each direction.
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    one, two = turn @ np.diag([4.0, 9.0]) @ turn.T, turn @ np.diag([1.0, 25.0]) @ turn.T
    value = frechet_of_gaussians(np.array([1.0, 2.0]), one, np.array([4.0, 6.0]), two)
    assert value == pytest.approx(9 + 16 + (2 - 1) ** 2 + (3 - 5) ** 2)


def test_the_distance_of_samples_takes_unbiased_covariances() -> None:
    # Variances 2 and 8 (divided by n - 1), means 1 and 4: 9 + (sqrt 8 - sqrt 2)^2 = 9 + 2.
    found = frechet_distance(np.array([[0.0], [2.0]]), np.array([[2.0], [6.0]]))
    assert found.value == pytest.approx(11)
    assert (found.first, found.second, found.dimensions, found.enough) == (2, 2, 1, True)


def test_the_same_set_is_at_no_distance_whatever_its_rank() -> None:
    for samples in (5, 40):  # 16 dimensions
        rows = np.random.default_rng(0).normal(size=(samples, 16))
        found = frechet_distance(rows, rows[::-1])
        assert found.value == pytest.approx(0, abs=1e-9)
        assert found.enough == (samples == 40)


def random_sets(case: int) -> tuple[np.ndarray, np.ndarray]:
    """Two sets of samples of 1 to 6 dimensions, of any spread; every fifth with too few samples for a full rank."""
    random = np.random.default_rng(case)
    d = random.integers(1, 7)
    n, m = random.integers(2, d + 2, 2) if case % 5 == 0 else random.integers(d + 2, 30, 2)
    shapes = [random.normal(size=(d, d)) * 10.0 ** random.uniform(-1, 1) for _ in range(2)]
    return random.normal(size=(n, d)) @ shapes[0], random.normal(size=(m, d)) @ shapes[1] + random.normal(size=d)


@pytest.mark.filterwarnings("ignore::scipy.linalg.LinAlgWarning")  # of their root, where the rank is not full
def test_frechet_distance_agrees_with_scipy_and_torchmetrics_on_1000_random_sets() -> None:
    for case in range(1000):
        one, two = random_sets(case)
        ours = frechet_distance(one, two).value
        gaussians = [(rows.mean(0), np.atleast_2d(np.cov(rows, rowvar=False))) for rows in (one, two)]
        (mean, spread), (mean2, spread2) = gaussians
        scale = np.trace(spread) + np.trace(spread2)
        root = sqrtm(spread @ spread2).real  # as in pytorch-fid and clean-fid
        assert ours == pytest.approx(((mean - mean2) ** 2).sum() + scale - 2 * np.trace(root), abs=1e-6 * scale)
        theirs = _compute_fid(*(torch.from_numpy(np.array(part)) for part in (mean, spread, mean2, spread2)))
        assert ours == pytest.approx(float(theirs), abs=1e-6 * scale)


def test_kernel_distance_agrees_with_torchmetrics_on_1000_random_sets() -> None:
    for case in range(1000):
        one, two = random_sets(case)
        m = min(len(one), len(two))  # TorchMetrics takes sets of one size
        theirs = float(poly_mmd(torch.from_numpy(one[:m]), torch.from_numpy(two[:m])))
        size = (np.abs(one).max() + np.abs(two).max() + 1) ** 6
        assert kernel_distance(one[:m], two[:m]).value == pytest.approx(theirs, rel=1e-9, abs=1e-12 * size)


def test_kernel_distance_is_unbiased_and_frechets_is_not() -> None:
    random = np.random.default_rng(3)
    pairs = [random.normal(size=(2, 10, 8)) for _ in range(400)]
    kernel, frechet = ([measure(*pair).value for pair in pairs] for measure in (kernel_distance, frechet_distance))
    assert np.mean(kernel) == pytest.approx(0, abs=4 * np.std(kernel) / 20)
    assert np.mean(frechet) > 2
    assert not frechet_distance(*np.zeros((2, 8, 8))).enough


def test_a_kernel_table_larger_than_a_block_is_summed_whole() -> None:
    random = np.random.default_rng(4)
    one, two = random.normal(size=(1500, 3)), random.normal(size=(1500, 3))
    theirs = float(poly_mmd(torch.from_numpy(one), torch.from_numpy(two)))
    assert kernel_distance(one, two).value == pytest.approx(theirs, abs=1e-9)


def test_sets_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(3, 2\) and \(3, 4\)"):
        frechet_distance(np.zeros((3, 2)), np.zeros((3, 4)))
    with pytest.raises(ValueError, match="1 and 3 samples"):
        kernel_distance(np.zeros((1, 2)), np.zeros((3, 2)))
    with pytest.raises(ValueError, match="not finite"):
        frechet_distance(np.full((3, 2), np.nan), np.zeros((3, 2)))


def pictures(seed: int, count: int, blur: float = 0.0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 1, (count, 64, 128, 3))
    made = [np.clip(128 + 300 * cv2.GaussianBlur(one, (0, 0), 3), 0, 255) for one in noise]
    return np.stack([cv2.GaussianBlur(one, (0, 0), blur) if blur else one for one in made]).astype(np.uint8)


@pytest.mark.parametrize("measure", [frechet_distance, kernel_distance])
def test_blur_is_farther_than_other_pictures_of_the_kind_by_the_shipped_features(measure) -> None:
    features = load_features("texture")
    real, other, blurred = (features(pictures(seed, 60, blur)) for seed, blur in ((0, 0), (1, 0), (2, 2.0)))
    assert measure(real, blurred).enough
    assert measure(real, blurred).value > 3 * measure(real, other).value


def test_shipped_features_have_the_shape_they_say() -> None:
    frames = pictures(0, 6)
    assert Texture()(frames).shape == (6, 56)
    assert Texture()(frames.reshape(2, 3, 64, 128, 3)).shape == (2, 112)
    assert Pixels(4, 8)(frames.reshape(2, 3, 64, 128, 3)).shape == (2, 3 * 4 * 8 * 3)
    names = [load_features(name) for name in ("pixels", "texture")]
    assert [one.name for one in names] == ["pixels-16x32", "texture-2x4"]
    assert len({one.fingerprint for one in (*names, Pixels(4, 8))}) == 3


def test_texture_counts_edges_by_direction_and_region() -> None:
    frame = np.zeros((1, 64, 128, 3), np.uint8)
    frame[0, :, 16:] = 64  # one upright edge in the left column of regions: gradients of 32 in 2 of its 32 columns
    values = Texture()(frame).reshape(2, 4, 7)
    assert values[:, 0, 3:] == pytest.approx(np.array([[np.log2(3), 0, 0, 0]] * 2))
    assert values[:, 1:, 3:] == pytest.approx(np.zeros((2, 3, 4)))
    assert values[0, :, 0] == pytest.approx([0.5, 1, 1, 1])


def test_pixels_do_not_see_brightness_and_contrast() -> None:
    frames = pictures(0, 1) // 2
    assert Pixels()(frames + 60) == pytest.approx(Pixels()(frames), abs=1e-6)


def network(folder: Path, shape: tuple, axes: list[int], described: str = "yaml") -> Path:
    """An ONNX file whose features are the means over ``axes``."""
    node = helper.make_node("ReduceMean", ["x", "axes"], ["y"], keepdims=0)
    graph = helper.make_graph(
        [node], "means", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.array(axes, np.int64), "axes")],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    row = {"scale": 2 / 255, "shift": -1.0, "colour": "bgr"}
    if described == "metadata":
        helper.set_model_props(model, {METADATA_KEY: json.dumps(row)})
    path = folder / "means.onnx"
    onnx.save(model, path)
    if described == "yaml":
        path.with_suffix(".yaml").write_text(json.dumps(row))
    return path


FLAT = np.full((2, 40, 60, 3), (255, 0, 127.5), float).round().astype(np.uint8)


@pytest.mark.parametrize(("shape", "axes"), [((1, 3, 8, 16), [2, 3]), ((1, 8, 16, 3), [1, 2])])
@pytest.mark.parametrize("described", ["yaml", "metadata"])
def test_a_picture_network_gets_what_its_description_says(tmp_path, shape, axes, described) -> None:
    found = load_features(f"onnx:{network(tmp_path, shape, axes, described)}")(FLAT)
    blue = 128 * 2 / 255 - 1
    assert found == pytest.approx(np.array([[blue, -1, 1]] * 2), abs=1e-6)  # bgr


@pytest.mark.parametrize(
    ("shape", "axes"),
    [((1, 3, 5, 8, 16), [3, 4]), ((1, 5, 3, 8, 16), [3, 4]), ((1, 5, 8, 16, 3), [2, 3]), ((1, 3, "t", 8, 16), [3, 4])],
)
def test_a_video_network_gets_windows_in_its_own_order(tmp_path, shape, axes) -> None:
    features = OnnxFeatures(network(tmp_path, shape, axes))
    levels = np.array([0, 50, 100, 150, 250], np.uint8)
    windows = np.broadcast_to(levels[None, :, None, None, None], (2, 5, 40, 60, 3))
    wanted = np.repeat((levels * 2.0 / 255 - 1)[:, None], 3, 1)
    if shape[1] == 3:
        wanted = wanted.T
    assert features(windows) == pytest.approx(np.array([wanted.ravel()] * 2), abs=1e-6)
    with pytest.raises(ValueError, match="expected windows"):
        features(FLAT)
    if shape[2] != "t":
        with pytest.raises(ValueError, match="windows"):
            features(windows[:, :4])


def test_frames_are_resized_as_pillow_does_it_without_rounding(tmp_path) -> None:
    frame = pictures(5, 1)[0]
    network(tmp_path, (1, 3, 8, 16), [])
    (tmp_path / "means.yaml").write_text("{scale: 1, shift: 0, colour: rgb}")
    node = helper.make_node("Identity", ["x"], ["y"])
    info = [helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, 3, 8, 16)) for name in ("x", "y")]
    graph = helper.make_graph([node], "same", info[:1], info[1:])
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), tmp_path / "means.onnx"
    )
    found = OnnxFeatures(tmp_path / "means.onnx")(frame[None]).reshape(3, 8, 16)
    for k in range(3):
        plane = Image.fromarray(frame[..., k].astype(np.float32)).resize((16, 8), Image.Resampling.BICUBIC)
        assert found[k] == pytest.approx(np.asarray(plane), abs=1e-4)


def test_what_cannot_be_used_is_told_in_one_line(tmp_path) -> None:
    with pytest.raises(UserError, match="expected 'pixels', 'texture' or 'onnx:FILE'"):
        load_features("fid")
    with pytest.raises(UserError, match="cannot be read"):
        load_features(f"onnx:{tmp_path / 'none.onnx'}")
    (tmp_path / "bad.onnx").write_bytes(b"PK\x03\x04 a TorchScript archive")
    with pytest.raises(UserError, match="not a model"):
        load_features(f"onnx:{tmp_path / 'bad.onnx'}")
    with pytest.raises(UserError, match=r"put scale, shift and colour into means\.yaml"):
        OnnxFeatures(network(tmp_path, (1, 3, 8, 16), [2, 3], described="nowhere"))
    path = network(tmp_path, (1, 4, 8, 16), [2, 3])
    with pytest.raises(UserError, match="expected one float32 picture"):
        OnnxFeatures(path)
    path.with_suffix(".yaml").write_text("{scale: 1, shift: 0}")
    with pytest.raises(UserError, match="expected numbers 'scale'"):
        OnnxFeatures(path)


def test_the_fingerprint_of_a_network_changes_with_its_description(tmp_path) -> None:
    path = network(tmp_path, (1, 3, 8, 16), [2, 3])
    before = OnnxFeatures(path).fingerprint
    path.with_suffix(".yaml").write_text("{scale: 1, shift: 0, colour: rgb}")
    assert OnnxFeatures(path).fingerprint != before
