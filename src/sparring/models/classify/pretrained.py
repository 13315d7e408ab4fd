"""Networks that others trained: those of timm by name, with a head for the classes at hand.

Source: Wightman, "PyTorch Image Models"; weights are published under timm's names, for about 1.3 million labelled
pictures and more. First the head alone is trained on the frozen network's features, then both, the network at a lower
rate. Pictures are scaled inside as each network was trained; other channels than three are timm's: its first kernels
are summed for one, repeated for four.
"""

from pathlib import Path
from typing import Annotated, Any

import torch
from torch import Tensor, nn

from sparring.data.spec import ImageSpec, Spec
from sparring.errors import DataError, MachineError, UsageError, did_you_mean
from sparring.models.classify.base import Classifier, classifiers, picture_spec
from sparring.registry import Range

INSTALL = "pip install 'sparring[pretrained]'"


@classifiers("timm", behind_colon="network")
class Pretrained(Classifier):
    """A network of timm and a linear layer on its features: `timm:resnet18`, `timm:convnext_tiny`, and many more.

    Attributes:
        backbone: the network without its own classifier, [B, C, H, W] to [B, F]. It begins unfrozen.
    """

    mean: Tensor
    sd: Tensor

    def __init__(
        self,
        spec: Spec,
        *,
        network: Annotated[str, "its name in timm, given behind the colon"] = "",
        weights: Annotated[
            bool | str, "true: published ones; false: none; or a safetensors file as timm saves it"
        ] = True,
        dropout: Annotated[float, "share of the features left out in training", Range(0.0, below=1.0)] = 0.0,
    ) -> None:
        super().__init__()
        spec = picture_spec(spec, f"timm:{network}")
        self.backbone = _backbone(network, weights, spec)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(self.backbone.head_hidden_size, len(spec.classes))
        self.register_buffer("mean", _per_channel(self.backbone.pretrained_cfg["mean"], spec.channels))
        self.register_buffer("sd", _per_channel(self.backbone.pretrained_cfg["std"], spec.channels))
        self.frozen = False

    def features(self, x_BCHW: Tensor) -> Tensor:
        """See `Classifier.features`."""
        unit_BCHW = (x_BCHW + 1) / 2
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            h_BF: Tensor = self.backbone((unit_BCHW - self.mean) / self.sd)
        dropped_BF: Tensor = self.dropout(h_BF)
        return dropped_BF

    def freeze(self, frozen: bool = True) -> None:
        """See `Classifier.freeze`: the backbone's batch norms stand still too, and no memory is kept for gradients."""
        self.frozen = frozen
        self.train(self.training)

    def train(self, mode: bool = True) -> "Pretrained":
        """Training or evaluation mode; a frozen backbone is always in the latter."""
        super().train(mode)
        self.backbone.train(mode and not self.frozen)
        return self


def _backbone(name: str, weights: bool | str, spec: ImageSpec) -> Any:
    """timm's network without a classifier, with the weights asked for; on the meta device there are none to load."""
    timm = _timm()
    _refuse_unknown(timm, name, weights)
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
            f"timm:{name}: its weights can't be had ({error}). Connect, or --set classifier.weights=FILE.safetensors."
        ) from error
    except RuntimeError as error:
        if file is None:
            raise
        raise _not_of(name, file, str(error)) from error
    if file is not None:
        _refuse_others(backbone, name, file)
    return backbone


def _refuse_unknown(timm: Any, name: str, weights: bool | str) -> None:
    if not name:
        raise UsageError("timm alone is no network: give one of its names, as in timm:resnet18.")
    if not timm.is_model(name):
        raise UsageError(f"timm has no network '{name}'. {did_you_mean(name, timm.list_models())}")
    if weights is True and not timm.get_pretrained_cfg(name).has_weights:
        raise UsageError(f"timm:{name} has no published weights: --set classifier.weights=false, or a file of them.")


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
