"""Parts: each piece of network in a file of its own, with its config and the part it was trained on. Strict both ways.

``<part>.safetensors`` holds the tensors and, as metadata, one JSON object: format, part, config, parents, inputs (the
names of the conditions that the part reads, so that it can go on where there are more of them by then). A part's
*fingerprint* is a hash of its tensors and config; a part names its parents by theirs, so that temporal layers are not
put onto an image network they have never seen, unless asked to. The image U-Net, which sees nothing of its parent but
latents, names it by a hash of what makes those.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from conditioning.channels import CHANNELS, UNNAMED
from drivesim.atomic import write_bytes
from drivesim.errors import UserError
from drivesim.networks.autoencoder import Autoencoder
from drivesim.networks.conditioner import condition_weights
from drivesim.networks.config import Config
from drivesim.networks.registry import PARTS
from drivesim.networks.unet import UNet
from drivesim.networks.upsampler import Upsampler
from drivesim.networks.video import VideoDecoder, VideoNet
from drivesim.tensor_files import check_finite, read_tensors
from drivesim.weight_files import find_part, part_file, read_card, weights_folder

__all__ = [
    "PARTS", "Part", "Weights", "assemble", "check_mark", "check_parent", "fingerprint", "load_part", "load_weights",
    "save_part",
]  # fmt: skip

FORMAT = "drivesim.part/1"
DTYPES = (torch.float32, torch.bfloat16)
LATENTS = ("encoder.", "latent_")  # beginnings of the names of the tensors that an autoencoder's latents depend on


@dataclass(frozen=True)
class Part:
    """A loaded part.

    ``parents``: the fingerprints of the parts it was trained on, by name. ``inputs``: the conditions that it reads, as
    in `conditioning.channels.CHANNELS` when it was stored.
    """

    name: str
    network: nn.Module
    config: Config
    parents: dict[str, str]
    inputs: Mapping[str, tuple[str, ...]]
    fingerprint: str
    latents: str = ""

    def mark_for(self, child: str) -> str:
        """What a part trained on this one notes as its parent: of an autoencoder a U-Net knows only the latents.

        So its decoder may be trained on without the U-Net being trained anew.
        """
        return self.latents if PARTS[child].on_latents else self.fingerprint


@dataclass(frozen=True)
class Weights:
    """All generating parts as networks that run; networks that share a part share its module.

    ``autoencoder``, ``unet``, ``up``: image networks. ``key``, ``interp``: video U-Nets. ``ae_temporal``: the video
    decoder. ``up_temporal``: the video upsampler. ``card``: card.json as it is. ``fingerprints``: of each part.
    ``transfers``: parts that stand on another parent than they were trained on -> fingerprint of the one they know.
    """

    autoencoder: Autoencoder
    unet: UNet
    key: VideoNet
    interp: VideoNet
    ae_temporal: VideoDecoder
    up: Upsampler
    up_temporal: VideoNet
    card: dict[str, Any]
    fingerprints: dict[str, str]
    transfers: dict[str, str]


def parents(part: str) -> list[str]:
    """All parts that a part is trained on: the chain of its parents, nearest first; none of what is no part.

    >>> parents("up.temporal")
    ['up.image', 'ae.image']
    """
    parent = PARTS[part].parent if part in PARTS else None
    return [parent, *parents(parent)] if parent else []


def save_part(
    folder: str | Path,
    name: str,
    network: nn.Module,
    config: Config,
    parents: Mapping[str, str],
    *,
    dtype: torch.dtype = torch.float32,
    inputs: Mapping[str, tuple[str, ...]] = CHANNELS,
) -> str:
    """Write a part and return its fingerprint; the same tensors give the same bytes.

    ``parents``: part -> fingerprint, exactly of the part's parent. ``dtype``: float32, or bfloat16 to halve the file;
    buffers stay as they are. ``inputs``: names of the conditions that the network reads.
    Raises ``ValueError`` for wrong parents, inputs of another number, or a tensor that is not finite.
    """
    file, parent = part_file(folder, name), PARTS[name].parent
    if set(parents) != ({parent} if parent else set()):
        raise ValueError(f"parents of {name} are {sorted(parents)}, expected {[parent] if parent else 'none'}")
    tensors = {key: value.detach().to("cpu", dtype) for key, value in network.named_parameters()}
    tensors |= {key: value.detach().cpu() for key, value in network.named_buffers()}
    check_finite(tensors, name)
    about = {"format": FORMAT, "part": name, "config": config.to_dict(), "parents": dict(parents)}
    about["inputs"] = _read_inputs(network, inputs, name)
    plain = {key: value.contiguous() for key, value in tensors.items()}
    write_bytes(file, safetensors.torch.save(plain, {"drivesim": _canonical(about)}))
    return fingerprint(file)


def load_part(folder: str | Path, name: str, *, parent: Part | None = None, allow_other_parent: bool = False) -> Part:
    """Read a part and build its network, in float32, on the CPU; where a folder lacks it, of the folder's base.

    ``parent``: the part it is to stand on; None does not ask. Raises ``UserError`` if the file is
    missing or damaged, does not fit its own config, or was trained on another parent (unless ``allow_other_parent``).
    """
    file, kind = find_part(folder, name), PARTS[name]
    stored, about = _read(file)
    if about["part"] != name:
        raise UserError(f"{file} holds the part {about['part']!r}, expected {name!r}")
    if parent is not None and not allow_other_parent:
        check_parent(folder, name, about["parents"], parent)
    try:
        config = kind.config.from_dict(about["config"])
        with torch.device("meta"):  # costs nothing, whatever the config asks for, until the shapes are known to fit
            network = kind.build(config)
    except (ValueError, ArithmeticError, RuntimeError, LookupError) as error:  # PyTorch's own, of sizes such as -1
        raise UserError(f"{file}: its config makes no network: {error}") from error
    _check_shapes(file, stored, network.state_dict())
    network.load_state_dict({key: value.float() for key, value in stored.items()}, assign=True)
    try:
        inputs = {kind: tuple(names) for kind, names in about.get("inputs", UNNAMED).items()}
    except (AttributeError, TypeError) as error:
        raise UserError(f"{file} has inputs {about['inputs']!r}, expected lists of names") from error
    latents = {key: value for key, value in stored.items() if key.startswith(LATENTS)} if name == "ae.image" else {}
    mark = _fingerprint(latents, about) if latents else ""
    return Part(name, network, config, about["parents"], inputs, _fingerprint(stored, about), mark)


def check_parent(folder: str | Path, name: str, parents: Mapping[str, str], parent: Part) -> None:
    """Raise ``UserError`` unless a part that names ``parents`` was trained on ``parent``."""
    known = parents.get(parent.name)
    if not _is_of(known, parent, name):
        raise UserError(
            f"{find_part(folder, name)} was trained on {parent.name} {str(known)[:12]}, found"
            f" {parent.mark_for(name)[:12]}: train it anew, or allow another parent"
        )


def _is_of(known: str | None, parent: Part, child: str) -> bool:
    """Whether what a part notes as its parent is ``parent``; U-Nets once noted an autoencoder's own fingerprint."""
    return known in (parent.mark_for(child), parent.fingerprint)


def fingerprint(file: str | Path) -> str:
    """SHA-256, in hex, of a part's tensors (names, types, shapes, bytes) and config.

    Raises ``UserError`` for a file that is missing or damaged.
    """
    return _fingerprint(*_read(Path(file)))


def load_weights(source: str | Path, *, allow_other_parent: bool = False) -> Weights:
    """All generating parts of a folder, or of the weights shipped under a name such as "nano".

    Raises ``UserError`` that says what is missing and how to train it, and as `load_part`.

    >>> weights = load_weights("nano")
    >>> sorted(weights.fingerprints) == sorted(PARTS)
    True
    """
    folder = weights_folder(source)
    missing = [name for name in PARTS if not find_part(folder, name).is_file()]
    if missing:
        raise UserError(
            f"weights {folder} lack {', '.join(missing)}: train them with `drivesim train all --preset nano --out DIR`,"
            " which writes DIR/weights"
        )
    card = read_card(folder)
    parts: dict[str, Part] = {}
    for name, kind in PARTS.items():
        parent = parts[kind.parent] if kind.parent else None
        parts[name] = load_part(folder, name, parent=parent, allow_other_parent=allow_other_parent)
        if not allow_other_parent:
            check_mark(folder, card, parts[name])
    return assemble(parts, card)


def check_mark(folder: str | Path, card: Mapping[str, Any], part: Part) -> None:
    """Raise ``UserError`` if the card of a folder is of another part than the one that is there.

    A card states the fingerprint of a part from its training; older ones only the one whose conditions were measured,
    and some none at all.
    """
    trained = card.get("parts", {}).get(part.name, {}).get("fingerprint")
    known = trained or card.get("obedience", {}).get("weights", {}).get(part.name)
    if known is not None and known != part.fingerprint:
        raise UserError(
            f"{find_part(folder, part.name)} has the fingerprint {part.fingerprint[:12]}, expected {str(known)[:12]} by"
            " card.json: one of the two was changed, or is of another set"
        )


def assemble(parts: Mapping[str, Part], card: dict[str, Any]) -> Weights:
    """The networks of all parts, put together. Raises ``UserError`` if they do not fit each other."""
    nets: dict[str, Any] = {name: part.network.eval() for name, part in parts.items()}
    fingerprints = {name: part.fingerprint for name, part in parts.items()}
    known = {
        name: (parts[kind.parent], parts[name].parents.get(kind.parent)) for name, kind in PARTS.items() if kind.parent
    }
    try:
        return Weights(
            autoencoder=nets["ae.image"],
            unet=nets["unet.image"],
            key=VideoNet(nets["unet.image"], nets["unet.temporal_key"]),
            interp=VideoNet(nets["unet.image"], nets["unet.temporal_interp"]),
            ae_temporal=VideoDecoder(nets["ae.image"], nets["ae.temporal"]),
            up=nets["up.image"],
            up_temporal=VideoNet(nets["up.image"], nets["up.temporal"]),
            card=card,
            fingerprints=fingerprints,
            transfers={name: str(mark) for name, (parent, mark) in known.items() if not _is_of(mark, parent, name)},
        )
    except ValueError as error:
        raise UserError(f"the parts do not fit each other: {error}") from error


def _read(file: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors of a part's file, as stored, and its metadata."""
    if not file.is_file():
        raise UserError(f"{file} is missing: train it with `drivesim train {file.stem}`")
    tensors, header = read_tensors(file)
    try:
        about = json.loads(header["__metadata__"]["drivesim"])
        found = {key: type(about[key]) for key in ("format", "part", "config", "parents")}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError(f"{file} is no part: {error!r}") from error
    if about["format"] != FORMAT or list(found.values()) != [str, str, dict, dict]:
        raise UserError(f"{file} has format {about['format']!r}, expected {FORMAT!r}")
    return tensors, about


def _fingerprint(tensors: Mapping[str, Tensor], about: dict[str, Any]) -> str:
    digest = hashlib.sha256(_canonical({"part": about["part"], "config": about["config"]}).encode())
    for name in sorted(tensors):
        tensor = tensors[name].contiguous()
        digest.update(_canonical([name, str(tensor.dtype), list(tensor.shape)]).encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _check_shapes(file: Path, tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    odd = sorted(set(tensors) ^ set(expected))
    if odd:
        raise UserError(f"{file} and its config disagree about {len(odd)} tensors, the first is {odd[0]!r}")
    for key, wanted in expected.items():
        found = tensors[key]
        if found.shape != wanted.shape or found.dtype not in DTYPES:
            text = f"{found.dtype} {list(found.shape)}, expected {list(wanted.shape)} of {DTYPES}"
            raise UserError(f"{file}: {key} is {text}")


def _read_inputs(network: nn.Module, inputs: Mapping[str, tuple[str, ...]], part: str) -> dict[str, list[str]]:
    """Those of the inputs that a network has weights for, checked by their number."""
    read = condition_weights(network)
    for key, kind in read.items():
        width = network.get_parameter(key).shape[1]
        if width != len(inputs[kind]):
            raise ValueError(f"{key} of {part} reads {width} {kind}, expected the {len(inputs[kind])} that are named")
    return {kind: list(inputs[kind]) for kind in sorted(set(read.values()))}
