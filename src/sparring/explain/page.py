"""A classifier and one picture: what it answers, where it looked, what its layers saw. One page, one file.

The page loads nothing and runs nothing: pictures and drawings are inside, and its own rules forbid it the network.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from string import Template

import torch
from torch import Tensor, nn

from sparring.explain import attribution, maps
from sparring.explain.drawing import drawing
from sparring.explain.images import Pixels, address, around_grey, coloured, overlaid
from sparring.explain.table import HEADS, Table, by, layer_of, table_of
from sparring.explain.trace import Call, trace
from sparring.models.classify.base import Classifier
from sparring.nn.filters import FILTERS, filtered
from sparring.report.parts import escaped, number

_TOP = 5
_NUMBERS = 7
"""Larger kernels are shown by colours alone."""


def explain_picture(
    module: Classifier, picture_HWC: Pixels, classes: Sequence[str], *, title: str, filters: bool = False
) -> str:
    """The page, as HTML.

    Args:
        module: in whichever mode; it is as it was afterwards.
        picture_HWC: uint8, of the size and with the channels that the network takes.
        classes: names in the order of the logits.
        title: of the page, such as the run's and the picture's names.
        filters: whether the kernels made by hand are shown as well.

    Raises:
        UsageError: captum is not installed.
    """
    attribution.captum()
    device = next(module.parameters()).device
    x_BCHW = torch.tensor(picture_HWC, device=device).permute(2, 0, 1)[None].float().div(127.5).sub(1)
    with _evaluating(module):
        calls = trace(module, x_BCHW)
        likely_K = calls[-1].output[0].double().softmax(0).cpu()
        places = _places(module, calls, x_BCHW, picture_HWC, classes, likely_K)
    table = table_of(type(module).__name__, "classifier", module, tuple(x_BCHW.shape[1:]), calls)
    here = files("sparring.explain")
    style = (files("sparring.report") / "page.css").read_text(encoding="utf-8")
    return Template((here / "picture.html").read_text(encoding="utf-8")).substitute(
        style=style + (here / "picture.css").read_text(encoding="utf-8"),
        title=escaped(title),
        answer=_answer(picture_HWC, classes, likely_K, table),
        places=places,
        kernels=_kernels(calls, x_BCHW[0].shape),
        window=_window(calls),
        maps=_maps(module, calls),
        weights=_weights(calls),
        filters=_filters(x_BCHW) if filters else "",
        drawing=drawing(table, alone=False),
        layers=_layers(table),
    )


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(training)


def _answer(picture: Pixels, classes: Sequence[str], likely_K: Tensor, table: Table) -> str:
    best = likely_K.argsort(descending=True, stable=True)[:_TOP].tolist()
    bars = "".join(
        f"<li><span>{escaped(classes[k])}</span><b>{100 * likely_K[k]:.1f} %</b>"
        f'<i style="--p: {100 * likely_K[k]:.2f}%"></i></li>'
        for k in best
    )
    more = f", the likeliest of {len(classes):,}" if len(classes) > _TOP else ""
    size = f"{table.name}: {table.parameters:,} parameters, {table.multiply_adds:,} multiply-adds"
    return (
        _sheet(picture, f"<b>The picture</b> as the network sees it, {by(table.input)}", "The picture")
        + f'<figure class="panel"><figcaption>Probabilities<span class="better">P(class | picture){more}</span>'
        f'</figcaption><ul class="bars">{bars}</ul><p class="conditions after">{escaped(size)}</p></figure>'
    )


def _sheet(picture: Pixels, caption: str, alt: str) -> str:
    height, width = picture.shape[:2]
    return (
        f'<figure class="sheet"><img src="{address(picture)}" width="{width}" height="{height}" alt="{escaped(alt)}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _places(
    module: Classifier, calls: Sequence[Call], x_BCHW: Tensor, picture: Pixels, classes: Sequence[str], likely_K: Tensor
) -> str:
    order = likely_K.argsort(descending=True, stable=True).tolist()
    name = f"<b>{escaped(classes[order[0]])}</b>"
    layer = _last_maps(module, calls)
    sheets = []
    if layer is None:
        found = attribution.gradient_times_input(module, x_BCHW, order[0])
        told = f"Gradient x input for {name}: red pixels add to its logit, blue ones take from it."
        sheets.append(_sheet(overlaid(picture, found), told, "Gradient times input"))
    else:
        for k in order[:2]:
            found = attribution.grad_cam(module, layer.module, x_BCHW, k)
            told = (
                f"Grad-CAM for <b>{escaped(classes[k])}</b>: red where the maps of <code>{escaped(layer.name)}</code>, "
                f"{by(layer.shape)}, speak for it."
            )
            sheets.append(_sheet(overlaid(picture, found), told, f"Grad-CAM for {classes[k]}"))
    found = attribution.occlusion(module, x_BCHW, order[0])
    told = (
        f"Occlusion: red where P({name}) falls, by up to {100 * max(0.0, found.max()):.2g} %, if a grey square hides "
        "the place; blue where it rises."
    )
    return "".join([*sheets, _sheet(overlaid(picture, found), told, "Occlusion")])


def _last_maps(module: nn.Module, calls: Sequence[Call]) -> Call | None:
    """The last convolution, or block, whose maps have places; None where most of the work is done without maps."""
    found = [call for call in maps.shown_calls(module, calls) if call.inside or isinstance(call.module, nn.Conv2d)]
    if not found:
        return None
    behind = sum(call.multiply_adds for call in calls[calls.index(found[-1]) + 1 :])
    return found[-1] if 2 * behind < sum(call.multiply_adds for call in calls) else None


def _kernels(calls: Sequence[Call], shape: torch.Size) -> str:
    found_NCHW = maps.kernels(calls, shape)
    if found_NCHW is None:
        return ""
    if found_NCHW.shape[1] not in (1, 3):
        found_NCHW = found_NCHW.mean(1, keepdim=True)
    images = "".join(
        _image(around_grey(kernel.permute(1, 2, 0).cpu().numpy()), f"Kernel {place}")
        for place, kernel in enumerate(found_NCHW)
    )
    told = f"{len(found_NCHW)} kernels, {by(found_NCHW.shape[2:])}, strongest first; grey is 0, each has its own scale"
    return _section("What the first layer looks for", _panel("Learned kernels", told, images, "maps kernels"))


def _maps(module: nn.Module, calls: Sequence[Call]) -> str:
    panels = []
    for call in maps.shown_calls(module, calls):
        map_CHW = call.output[0].float().cpu()
        channels = maps.strongest(map_CHW)
        shown = map_CHW[channels].numpy()
        low, high = float(shown.min()), float(shown.max())
        images = "".join(
            _image(coloured(values, low=low, high=high), f"Channel {channel}")
            for channel, values in zip(channels, shown, strict=True)
        )
        layer = layer_of(call)
        window = f" {by(layer.kernel)}" if layer.kernel else ""
        sees = "" if layer.receptive_field is None else f", a place sees {by(layer.receptive_field)}"
        told = f"{layer.kind}{window}, {by(layer.output)}{sees}; {low:.2g} dark to {high:.2g} light"
        panels.append(_panel(call.name, told, images, "maps"))
    if not panels:
        return ""
    told = (
        '<p class="conditions">Of each convolution, pool and block the channels that vary most over this picture, most '
        "first.</p>"
    )
    return _section("What each layer saw", told + "".join(panels))


def _weights(calls: Sequence[Call]) -> str:
    strips = []
    for name, weight_C in maps.channel_weights(calls):
        strip = coloured(weight_C.cpu().numpy()[None], low=0, high=1)
        told = f"{len(weight_C)} channels, {float(weight_C.min()):.2f} to {float(weight_C.max()):.2f}"
        image = f'<img class="strip" src="{address(strip)}" alt="Weights of the channels">'
        strips.append(f'<figure class="row">{_caption(name, told)}{image}</figure>')
    if not strips:
        return ""
    told = '<p class="conditions">The weight of each channel for this picture: 0 dark, 1 light.</p>'
    return _section("How squeeze-and-excitation weighs channels", f'<div class="panel">{told}{"".join(strips)}</div>')


def _filters(x_BCHW: Tensor) -> str:
    figures = []
    for name, kernel in FILTERS.items():
        map_HW = filtered(x_BCHW, kernel)[0].mean(0).cpu().numpy()
        rows = "; ".join(" ".join(f"{value:.3g}" for value in row) for row in kernel)
        low, high = float(map_HW.min()), float(map_HW.max())
        pixels = coloured(map_HW, low=low, high=high, colours="gray")
        figures.append(_sheet(pixels, f"<b>{escaped(name)}</b> {escaped(rows)}", name))
    return _section("Kernels made by hand", f'<div class="sheets filters">{"".join(figures)}</div>')


def _window(calls: Sequence[Call]) -> str:
    window = maps.largest_window(calls)
    if window is None:
        return ""
    sums = (window.patch_CHW * window.kernel_CHW).sum((1, 2)).tolist()
    rows = "".join(
        f'<div class="product">{_grid(patch)}<span>×</span>{_grid(kernel)}<span>= {total:.3f}</span></div>'
        for patch, kernel, total in zip(window.patch_CHW, window.kernel_CHW, sums, strict=True)
    )
    channel, row, column = window.place
    added = " + ".join(f"{total:.3f}" for total in [*sums, window.bias]).replace("+ -", "− ")
    told = (
        f"The largest value of <code>{escaped(window.name)}</code>: channel {channel}, row {row}, column {column}. "
        "Patch times kernel, value by value, for each channel of the input; then all sums, and the bias."
    )
    return _section(
        "One value by hand",
        f'<div class="panel"><p class="conditions">{told}</p><div class="products">{rows}</div>'
        f"<p>{added} = <b>{window.value:.3f}</b></p></div>",
    )


def _grid(values_HW: Tensor) -> str:
    largest = max(float(values_HW.abs().max()), 1e-12)
    small = max(values_HW.shape) > _NUMBERS

    def cell(value: float) -> str:
        look = f'class="{"up" if value > 0 else "down"}" style="--s: {70 * abs(value) / largest:.0f}%"'
        return f"<td {look}>{'' if small else f'{value:.2f}'}</td>"

    rows = "".join(f"<tr>{''.join(map(cell, row))}</tr>" for row in values_HW.tolist())
    return f'<table class="window{" small" if small else ""}"><tbody>{rows}</tbody></table>'


def _layers(table: Table) -> str:
    head = "".join(f"<th scope=col>{word}</th>" for word in HEADS)
    rows = ([*layer.cells[:-1], number(layer.parameters)] for layer in table.layers)
    body = "".join(f"<tr>{''.join(f'<td>{escaped(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return (
        f'<details><summary>All {len(table.layers)} layers</summary><div class="wide"><table class="numbers layers">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></details>"
    )


def _image(pixels: Pixels, alt: str) -> str:
    return f'<img src="{address(pixels)}" alt="{alt}" title="{alt}" loading="lazy">'


def _caption(name: str, told: str) -> str:
    return f'<figcaption>{escaped(name)} <span class="fine">{escaped(told)}</span></figcaption>'


def _panel(name: str, told: str, images: str, look: str) -> str:
    return f'<figure class="panel">{_caption(name, told)}<div class="{look}">{images}</div></figure>'


def _section(title: str, body: str) -> str:
    return f"<section><h2>{title}</h2>{body}</section>"
