import json

import pytest
import safetensors.torch
import torch
from sample_conditions import conditions

from drivesim.errors import UserError
from drivesim.networks.temporal import TemporalBlocks
from drivesim.networks.unet import UNet
from drivesim.networks.video import VideoNet
from drivesim.parts import PARTS, fingerprint, load_part, load_weights, save_part
from drivesim.presets import load_preset
from drivesim.tensor_files import HEADER_LIMIT
from drivesim.weight_files import part_file
from tests.tiny_weights import CARD


def fresh(part, seed=0):
    torch.manual_seed(seed)
    config = load_preset("tiny")[part]
    return PARTS[part].build(config), config


def save(folder, part, seed=0, **options):
    network, config = fresh(part, seed)
    parents = {PARTS[part].parent: "0" * 64} if PARTS[part].parent else {}
    return save_part(folder, part, network, config, parents, **options)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder with all parts of tiny, fresh."""
    folder = tmp_path_factory.mktemp("weights")
    marks = {}
    for part, kind in PARTS.items():
        network, config = fresh(part)
        marks[part] = save_part(folder, part, network, config, {kind.parent: marks[kind.parent]} if kind.parent else {})
    (folder / "card.json").write_text(json.dumps(CARD))
    return folder


def rewrite(file, change):
    """Change a part's tensors and metadata in place, behind the back of `save_part`."""
    with safetensors.safe_open(file, "pt") as opened:
        about = json.loads(opened.metadata()["drivesim"])
    tensors = safetensors.torch.load_file(file)
    change(tensors, about)
    safetensors.torch.save_file(tensors, file, {"drivesim": json.dumps(about)})


def test_temporal_part_alone_reproduces_the_output_for_a_non_default_config(tmp_path):
    image, _ = fresh("unet.image")
    config = load_preset("tiny")["unet.temporal_interp"].from_dict(
        load_preset("tiny")["unet.temporal_interp"].to_dict() | {"alphas": 1, "kernel": [3, 1, 1], "hidden": 1.0}
    )
    temporal = TemporalBlocks(config)
    for tensor in [*image.parameters(), *temporal.parameters()]:
        torch.nn.init.normal_(tensor, std=0.2)
    save_part(tmp_path, "unet.temporal_interp", temporal, config, {"unet.image": "0" * 64})
    inputs = torch.randn(1, 3, 8, 8, 16), torch.tensor([0.5]), conditions(1, 3, (16, 32))
    again = load_part(tmp_path, "unet.temporal_interp")
    assert again.config == config
    assert torch.equal(VideoNet(image, again.network)(*inputs), VideoNet(image, temporal)(*inputs))


def test_same_tensors_give_the_same_bytes_and_others_another_fingerprint(tmp_path):
    first = save(tmp_path / "a", "unet.image")
    assert save(tmp_path / "b", "unet.image") == first == fingerprint(part_file(tmp_path / "a", "unet.image"))
    assert part_file(tmp_path / "a", "unet.image").read_bytes() == part_file(tmp_path / "b", "unet.image").read_bytes()
    assert save(tmp_path / "b", "unet.image", seed=1) != first


def test_fingerprint_tells_another_config_of_the_same_tensors(tmp_path):
    network, config = fresh("ae.image")
    first = save_part(tmp_path, "ae.image", network, config, {})
    resized = config.from_dict(config.to_dict() | {"size": [128, 256]})
    assert save_part(tmp_path, "ae.image", network, resized, {}) != first


def test_bfloat16_storage_loads_as_the_rounded_float32_and_keeps_buffers_exact(tmp_path):
    network, config = fresh("ae.image")
    network.fit_latents(torch.full((8,), 0.123456789), torch.full((8,), 3.0))
    save_part(tmp_path, "ae.image", network, config, {}, dtype=torch.bfloat16)
    again = load_part(tmp_path, "ae.image").network
    weight = network.decoder.stem.weight
    assert again.decoder.stem.weight.dtype == torch.float32
    assert torch.equal(again.decoder.stem.weight, weight.bfloat16().float())
    assert torch.equal(again.latent_shift, network.latent_shift)


def test_loaded_part_trains_on(tmp_path):
    save(tmp_path, "ae.image")
    assert all(parameter.requires_grad for parameter in load_part(tmp_path, "ae.image").network.parameters())


def test_another_parent_is_refused_unless_asked_for(tmp_path):
    save(tmp_path, "unet.temporal_key")
    save(tmp_path, "unet.image")
    image = load_part(tmp_path, "unet.image")
    with pytest.raises(UserError, match=rf"trained on unet\.image 000000000000, found {image.fingerprint[:12]}"):
        load_part(tmp_path, "unet.temporal_key", parent=image)
    assert load_part(tmp_path, "unet.temporal_key", parent=image, allow_other_parent=True).parents == {
        "unet.image": "0" * 64
    }


def test_unet_knows_of_its_autoencoder_only_the_latents(tmp_path):
    save(tmp_path, "ae.image")
    before = load_part(tmp_path, "ae.image")
    network, config = fresh("unet.image")
    save_part(tmp_path, "unet.image", network, config, {"ae.image": before.mark_for("unet.image")})
    with torch.no_grad():
        before.network.decoder.head.weight += 1.0
    save_part(tmp_path, "ae.image", before.network, before.config, {})
    after = load_part(tmp_path, "ae.image")
    assert after.mark_for("ae.temporal") != before.mark_for("ae.temporal")
    load_part(tmp_path, "unet.image", parent=after)
    with torch.no_grad():
        after.network.encoder.stem.weight += 1.0
    save_part(tmp_path, "ae.image", after.network, after.config, {})
    with pytest.raises(UserError, match=r"was trained on ae\.image"):
        load_part(tmp_path, "unet.image", parent=load_part(tmp_path, "ae.image"))


def test_unet_that_notes_the_whole_autoencoder_is_still_its_child(tmp_path):
    save(tmp_path, "ae.image")
    parent = load_part(tmp_path, "ae.image")
    network, config = fresh("unet.image")
    save_part(tmp_path, "unet.image", network, config, {"ae.image": parent.fingerprint})
    load_part(tmp_path, "unet.image", parent=parent)


def test_part_is_saved_with_exactly_its_parent(tmp_path):
    network, config = fresh("unet.image")
    with pytest.raises(ValueError, match=r"expected \['ae.image'\]"):
        save_part(tmp_path, "unet.image", network, config, {})
    with pytest.raises(ValueError, match="one of"):
        save_part(tmp_path, "unet", network, config, {})


def test_value_that_is_not_finite_is_neither_saved_nor_loaded(tmp_path):
    network, config = fresh("ae.image")
    with torch.no_grad():
        network.decoder.stem.weight[0, 0, 0, 0] = torch.nan
    with pytest.raises(ValueError, match=r"decoder\.stem\.weight of ae\.image holds a value that is not finite"):
        save_part(tmp_path, "ae.image", network, config, {})
    assert not list(tmp_path.iterdir())
    save(tmp_path, "ae.image")
    rewrite(part_file(tmp_path, "ae.image"), lambda tensors, _: tensors["latent_scale"].fill_(torch.inf))
    with pytest.raises(UserError, match="latent_scale"):
        load_part(tmp_path, "ae.image")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tensors, about: tensors.pop("latent_scale"), "disagree about 1 tensors, the first is 'latent_scale'"),
        (lambda tensors, about: tensors.update(more=torch.zeros(1)), "the first is 'more'"),
        (
            lambda tensors, about: tensors.update(latent_scale=torch.zeros(9)),
            r"latent_scale is torch.float32 \[9\], expected \[8\]",
        ),
        (
            lambda tensors, about: tensors.update(latent_scale=torch.zeros(8, dtype=torch.int32)),
            "latent_scale is torch.int32",
        ),
        (lambda tensors, about: about.update(part="up.image"), "holds the part 'up.image'"),
        (lambda tensors, about: about.update(format="drivesim.part/9"), "format 'drivesim.part/9'"),
        (lambda tensors, about: about["config"].update(colour="red"), "no field 'colour'"),
        (lambda tensors, about: about["config"].update(patch="2"), "expected int"),
        (lambda tensors, about: about["config"].update(widths=[1 << 20, 1 << 20, 1 << 20]), "expected"),
    ],
)
def test_part_that_does_not_fit_its_config_is_refused(tmp_path, change, message):
    save(tmp_path, "ae.image")
    rewrite(part_file(tmp_path, "ae.image"), change)
    with pytest.raises(UserError, match=message):
        load_part(tmp_path, "ae.image")


@pytest.mark.parametrize(
    "data",
    [b"", b"PK\x03\x04 not a part", (HEADER_LIMIT + 1).to_bytes(8, "little") + b"{" * (HEADER_LIMIT + 9)],
    ids=["empty", "other", "huge header"],
)
def test_file_that_is_no_part_is_refused(tmp_path, data):
    part_file(tmp_path, "ae.image").write_bytes(data)
    with pytest.raises(UserError):
        load_part(tmp_path, "ae.image")


def test_part_cut_off_is_refused(tmp_path):
    save(tmp_path, "ae.image")
    file = part_file(tmp_path, "ae.image")
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(UserError, match="damaged"):
        load_part(tmp_path, "ae.image")


def test_weights_are_networks_that_share_their_image_parts(whole):
    weights = load_weights(whole)
    assert weights.key.image is weights.interp.image is weights.unet
    assert weights.ae_temporal.image is weights.autoencoder
    assert weights.up_temporal.image is weights.up
    assert isinstance(weights.unet, UNet)
    assert weights.card == CARD
    assert set(weights.fingerprints) == set(PARTS)
    assert weights.transfers == {}


def test_missing_weights_are_named_with_the_way_to_train_them(whole, tmp_path):
    with pytest.raises(UserError, match="neither a folder nor shipped"):
        load_weights(tmp_path / "nowhere")
    (tmp_path / "card.json").write_text("{}")
    for part in PARTS:
        if part != "up.temporal":
            part_file(tmp_path, part).write_bytes(part_file(whole, part).read_bytes())
    with pytest.raises(UserError, match=r"lack up\.temporal: train them with `drivesim train all"):
        load_weights(tmp_path)


def test_transfer_to_another_image_net_is_recorded(whole, tmp_path):
    for file in whole.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    network, config = fresh("unet.image", seed=5)
    trained_on = fingerprint(part_file(tmp_path, "unet.image"))
    save_part(tmp_path, "unet.image", network, config, {"ae.image": fingerprint(part_file(tmp_path, "ae.image"))})
    with pytest.raises(UserError, match=r"unet\.temporal_key\.safetensors was trained on unet\.image"):
        load_weights(tmp_path)
    weights = load_weights(tmp_path, allow_other_parent=True)
    assert weights.transfers == {"unet.temporal_key": trained_on, "unet.temporal_interp": trained_on}
