"""`sparring list`."""

import json

from cli.conftest import Command


def test_index_has_a_line_for_everything(sparring: Command) -> None:
    found = json.loads(sparring("list", "--json").out)
    kinds = {"recipes that generate", "recipes that classify", "classifiers", "generators", "discriminators"}
    kinds |= {"losses of classifiers", "adversarial losses", "penalties", "hints", "array files", "data sets"}
    assert kinds <= found.keys()
    assert {"gan", "dcgan"} <= found["recipes that generate"].keys()
    assert {"resnet20", "lenet5"} <= found["recipes that classify"].keys()
    assert {"digits", "mnist", "fashion-mnist", "kmnist", "cifar10", "cifar100", "svhn"} <= found["data sets"].keys()
    assert all(summary for entries in found.values() for summary in entries.values())
    lines = sparring("list").lines
    assert all(any(line.split()[0] == name for line in lines) for entries in found.values() for name in entries)


def test_every_setting_of_a_recipe_is_listed_and_can_be_set_as_listed(sparring: Command) -> None:
    (settings,) = json.loads(sparring("list", "gan", "--json").out).values()
    assert {"generator.width", "generator.lr", "discriminator.betas", "r1.gamma", "r1.every"} <= settings.keys()
    assert all(setting["meaning"] and setting["type"] for setting in settings.values())
    chosen = [word for name, setting in settings.items() for word in ("--set", f"{name}={setting['default']}")]
    ended = sparring("train", "digits", "--dry-run", "--json", "--kimg", "0.1", *chosen)
    assert ended.code == 0, ended.err


def test_a_loss_and_a_model_can_be_asked_for(sparring: Command) -> None:
    assert "no settings" in sparring("list", "hinge").out
    assert "width" in sparring("list", "compact").out
