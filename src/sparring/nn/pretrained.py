"""Networks of timm with weights that others trained: what reads a picture, without what names its classes.

Source: Wightman, "PyTorch Image Models"; weights are published under timm's names, for about 1.3 million labelled
pictures and more. Other channels than three are timm's: its first kernels are summed for one, repeated for four.
"""

from pathlib import Path
from typing import Annotated, Any

import torch
from torch import Tensor, nn

from sparring.data.spec import ImageSpec
from sparring.errors import DataError, MachineError, UsageError, did_you_mean

INSTALL = "pip install 'sparring[pretrained]'"
Network = Annotated[str, "its name in timm, given behind the colon"]
Weights = Annotated[bool | str, "true: published ones; false: none; or a safetensors file as timm saves it"]


def backbone_of(name: str, weights: bool | str, spec: ImageSpec, *, player: str) -> Any:
    """timm's network without a classifier, with the weights asked for; on the meta device there are none to load.

    Args:
        player: whose it is, as settings call it.

    Raises:
        UsageError: timm is missing or has no such network, or no weights of it.
        DataError: the file holds those of another network.
        MachineError: published weights can't be had.
    """
    timm = _timm()
    _refuse_unknown(timm, name, weights, player)
    # Networks with a position for each patch are built for one size; all others take any.
    size = {"img_size": (spec.height, spec.width)} if timm.get_pretrained_cfg(name).fixed_input_size else {}
    load = bool(weights) and torch.get_default_device().type != "meta"
    file = _weights_file(weights) if load and isinstance(weights, str) else None
    try:
        backbone = timm.create_model(
            name,
            pretrained=load,
            pretrained_cfg_overlay={"file": str(file)} if file else {},
            in_chans=spec.channels,
            num_classes=0,
            **size,
        )
    except OSError as error:
        raise MachineError(
            f"timm:{name}: its weights can't be had ({error}). Connect, or --set {player}.weights=FILE.safetensors."
        ) from error
    except RuntimeError as error:
        if file is None:
            raise
        raise _not_of(name, file, str(error)) from error
    if file is not None:
        _refuse_others(backbone, name, file)
    return backbone


def scale_of(backbone: Any, channels: int) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation [C, 1, 1] of pictures in [0, 1]: the network was trained on (x - mean) / sd."""
    given = backbone.pretrained_cfg
    return _per_channel(given["mean"], channels), _per_channel(given["std"], channels)


def _refuse_unknown(timm: Any, name: str, weights: bool | str, player: str) -> None:
    if not name:
        raise UsageError("timm alone is no network: give one of its names, as in timm:resnet18.")
    if not timm.is_model(name):
        raise UsageError(f"timm has no network '{name}'. {did_you_mean(name, timm.list_models())}")
    if weights is True and not timm.get_pretrained_cfg(name).has_weights:
        raise UsageError(f"timm:{name} has no published weights: --set {player}.weights=false, or a file of them.")


def _timm() -> Any:
    try:
        import timm
    except (ImportError, RuntimeError) as error:  # the latter where its torchvision is of another torch
        raise UsageError(f"timm:NAME needs timm, which could not be imported ({error}): {INSTALL}") from error
    return timm


def _weights_file(weights: str) -> Path:
    path = Path(weights)
    if path.suffix != ".safetensors" or not path.is_file():
        raise UsageError(f"weights={weights}: expected true, false, or a .safetensors file that is there.")
    return path


def _refuse_others(backbone: nn.Module, name: str, file: Path) -> None:
    """timm leaves what it does not find at its first values, without a word."""
    from safetensors import safe_open

    with safe_open(file, framework="pt") as opened:
        missing = sorted(set(dict(backbone.named_parameters())) - set(opened.keys()))
    if missing:
        raise _not_of(name, file, f"{len(missing)} are missing, {missing[0]} for one")


def _not_of(name: str, file: Path, why: str) -> DataError:
    return DataError(f"{file}: not the weights of timm:{name} ({why}). Give a file that timm saved of it.")


def _per_channel(values: tuple[float, ...], channels: int) -> Tensor:
    """[C, 1, 1]: as they are for as many channels as they have, else their mean for each."""
    given = torch.tensor(values)
    return (given if len(given) == channels else given.mean().expand(channels).clone()).view(-1, 1, 1)
