"""One page of text on where a run's time went, from profile.json."""

from collections.abc import Mapping
from typing import Any

NAME = "profile.json"
PAGE = "profile.txt"
TRACE = "trace.json.gz"
WORDS: Mapping[str, str] = {
    "judging": "judging",
    "drawing": "pictures",
    "saving": "checkpoints",
    "telling": "rows, events and hints",
}


def page(facts: Mapping[str, Any]) -> str:
    """The page."""
    told = facts["conditions"]
    several = f", {told['processes']} processes" if told["processes"] > 1 else ""
    head = (
        f"{told['recipe']}, batch {told['batch']}, {told['precision']} on {told['device']}, {told['threads']} "
        f"thread(s){several}, torch {told['torch']}"
    )
    return "\n".join([head, *(_rounds(facts) if "phases" in facts else _too_short(told)), "", *_rest(facts)]) + "\n"


def _too_short(told: Mapping[str, Any]) -> list[str]:
    return [
        f"too short to look into: of the first {told['warm_up']} rounds, which choose and compile kernels, nothing "
        "would follow. Train for longer."
    ]


def _rounds(facts: Mapping[str, Any]) -> list[str]:
    told, mean = facts["conditions"], facts["mean_round_seconds"]
    phases = dict(sorted(facts["phases"].items(), key=lambda item: -item[1]))
    phases["between them"] = mean - sum(phases.values())
    lines = [
        f"a round takes {1000 * facts['round_seconds']:.2f} ms (median of {told['timed']} after {told['warm_up']}): "
        f"{facts['examples_per_second']:,.0f} examples/s",
        "",
        *_table("where a round goes (fakes are made in the discriminator's forward)", phases, mean),
    ]
    if told["recorded"]:
        whole = sum(facts["kinds"].values())
        lines += ["", *_table(f"by kind of operator, {told['recorded']} rounds recorded", facts["kinds"], whole)]
        lines += ["", f"{'the longest operators':40}{'ms':>10}{'share':>8}{'calls':>9}"]
        lines += [
            f"  {o['name'][:37]:38}{1000 * o['seconds']:>10.3f}{_share(o['seconds'], whole):>8}{o['calls']:>9.1f}"
            for o in facts["operators"]
        ]
        lines += ["", f"the host reads a value of the device, and waits for it, {facts['waits']:.1f} times a round"]
    return [*lines, *_limit(facts)]


def _limit(facts: Mapping[str, Any]) -> list[str]:
    rate = facts["flops"] / facts["round_seconds"]
    return [
        f"a round needs {facts['flops'] / 1e9:.3f} GFLOP of products and convolutions: {rate / 1e9:,.1f} GFLOP/s, "
        f"{100 * facts['share_of_limit']:.1f} % of the",
        f"{facts['limit_flops_per_second'] / 1e9:,.1f} GFLOP/s that a large matrix product reaches here in the same "
        "precision",
    ]


def _rest(facts: Mapping[str, Any]) -> list[str]:
    spent = facts["not_training"]
    parts = ", ".join(f"{WORDS[name]} {100 * share:.1f} %" for name, share in spent["shares"].items())
    lines = [f"not training: {100 * sum(spent['shares'].values()):.1f} % of {spent['seconds']:.1f} s ({parts})"]
    if facts["conditions"]["recorded"]:
        lines.append(f"{TRACE}: the recorded rounds, for https://ui.perfetto.dev or chrome://tracing")
    return lines


def _table(title: str, seconds: Mapping[str, float], whole: float) -> list[str]:
    rows = [f"  {name:68}{1000 * value:>10.3f}{_share(value, whole):>8}" for name, value in seconds.items()]
    return [f"{title:70}{'ms':>10}{'share':>8}", *rows]


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.1f} %" if whole else ""
