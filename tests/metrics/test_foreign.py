"""Networks of others: which weights are let in, and that their features are those of the references."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from sparring.errors import DataError, UsageError
from sparring.metrics import kept, weights
from sparring.metrics.foreign import (
    DINOV2_FILES,
    INCEPTION_FILES,
    ForeignExtractor,
    dinov2,
    inception,
    with_positions_for,
)
from sparring.metrics.weights import Proved, Published, file_digest, open_weights

CPU = torch.device("cpu")


def random_pictures(*shape: int) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


# -- which weights are let in --------------------------------------------------------------------------------------


@pytest.fixture
def given(tmp_path: Path) -> Path:
    torch.save({"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(1)}, tmp_path / "weights.pth")
    return tmp_path / "weights.pth"


def opened(path: Path | None, *published: Published, sha256: str | None = None) -> Proved:
    cache = (path or Path()).parent / "cache"
    return open_weights("some", path, published, dict, sha256=sha256, cache=cache)


def as_published(path: Path) -> Published:
    return Published(name="reference", sha256=file_digest(path), url="https://example.org/weights.pth")


OTHER = Published(name="reference", sha256="0" * 64, url="https://example.org/weights.pth")


def test_published_weights_carry_their_name(given: Path) -> None:
    found = opened(given, OTHER, as_published(given))
    assert (found.name, found.sha256) == ("reference", file_digest(given))
    assert found.tensors["a"].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_others_are_refused_with_their_digest_unless_the_user_gives_it(given: Path) -> None:
    digest = file_digest(given)
    with pytest.raises(UsageError, match=f"{digest}.*https://example.org.*--sha256 {digest}"):
        opened(given, OTHER)
    assert opened(given, OTHER, sha256=digest.upper()).name == f"some-{digest[:8]}"


def test_a_digest_that_does_not_fit_is_refused_even_for_published_ones(given: Path) -> None:
    with pytest.raises(UsageError, match="not " + "1" * 64):
        opened(given, as_published(given), sha256="1" * 64)


def test_no_file_says_which_one_to_get(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--weights FILE.*https://example.org"):
        open_weights("some", None, [OTHER], dict, cache=tmp_path)
    with pytest.raises(UsageError, match=r"absent.pth.*can't be read"):
        opened(tmp_path / "absent.pth", OTHER)


def test_they_are_converted_once(given: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(given, as_published(given))

    def refuse(path: Path) -> Any:
        raise AssertionError(path)

    monkeypatch.setattr(weights, "_read", refuse)
    assert opened(given, as_published(given)).tensors["b"].tolist() == [1]
    (place,) = (given.parent / "cache" / "weights").iterdir()
    (place / kept.WEIGHTS).write_bytes(b"broken")
    with pytest.raises(AssertionError):
        opened(given, as_published(given))


def test_safetensors_are_read_as_well(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    safetensors.torch.save_file({"a": torch.zeros(2)}, path)
    assert opened(path, as_published(path)).tensors["a"].tolist() == [0, 0]


class Code:
    """Runs when it is unpickled."""

    ran = False

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return setattr, (Code, "ran", True)


@pytest.mark.parametrize("held", [Code(), {"a": Code()}, nn.Linear(1, 1), [torch.ones(1)], {"a": 3}], ids=range(5))
def test_nothing_but_tensors_is_read_and_no_code_is_run(tmp_path: Path, held: Any) -> None:
    path = tmp_path / "weights.pth"
    torch.save(held, path)
    with pytest.raises(DataError, match=r"weights\.pth"):
        opened(path, as_published(path))
    assert not Code.ran


@pytest.mark.parametrize("data", [b"", b"not weights at all", bytes(1000)], ids=["empty", "text", "zeros"])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_damaged_files_are_refused_in_a_sentence(tmp_path: Path, data: bytes, suffix: str) -> None:
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(data)
    with pytest.raises(DataError, match="no weights that can be read without running code"):
        opened(path, as_published(path))


def test_tensors_that_share_memory_are_kept_apart(tmp_path: Path) -> None:
    whole = torch.arange(4.0)
    torch.save({"a": whole[:2], "b": whole[1:], "c": whole}, tmp_path / "weights.pth")
    found = opened(tmp_path / "weights.pth", as_published(tmp_path / "weights.pth"))
    assert {name: value.tolist() for name, value in found.tensors.items()} == {
        "a": [0, 1],
        "b": [1, 2, 3],
        "c": [0, 1, 2, 3],
    }


def test_names_with_reserved_measures_belong_to_one_digest() -> None:
    assert [file.name for file in INCEPTION_FILES] == ["inception"]
    assert "inception" not in {file.name for file in DINOV2_FILES}
    for file in (*INCEPTION_FILES, *DINOV2_FILES):
        assert len(bytes.fromhex(file.sha256)) == 32
    assert INCEPTION_FILES[0].sha256[:8] in INCEPTION_FILES[0].url, "the authors put its start into the name"


# -- around a network ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 50, 51])
def test_pictures_are_asked_in_blocks_in_order(count: int) -> None:
    sizes: list[int] = []

    def answer(rgb_BCHW: Tensor) -> tuple[Tensor, Tensor | None]:
        assert rgb_BCHW.shape[1:] == (3, 16, 16)
        sizes.append(len(rgb_BCHW))
        return rgb_BCHW.mean((2, 3)), None

    extractor = ForeignExtractor(Proved(name="n", sha256="s", tensors={}), 16, answer, CPU)
    pictures = random_pictures(count, 16, 16, 1)
    found = extractor(pictures)
    np.testing.assert_allclose(found.vectors, pictures.mean((1, 2)).repeat(3, 1), rtol=1e-5)
    assert (found.probabilities, max(sizes) <= 50) == (None, True)


# -- against the references, where they are installed ---------------------------------------------------------------


def random_file(module: nn.Module, path: Path) -> Path:
    """Weights of a random network as a file; norms get statistics of their own, so that each one counts."""
    draw = torch.Generator().manual_seed(0)
    tensors = module.state_dict()
    for name, value in tensors.items():
        if name.endswith("running_var"):
            tensors[name] = torch.rand(value.shape, generator=draw) * 0.02 + 0.01
        elif value.is_floating_point() and value.ndim > 1:
            tensors[name] = torch.randn(value.shape, generator=draw) * value[0].numel() ** -0.5
    torch.save(tensors, path)
    return path


@pytest.fixture(scope="module")
def fidelity(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Path]]:
    """torch-fidelity's own extractor with random weights, and their file."""
    module = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3", exc_type=Exception)
    from sparring.metrics.foreign import _inception_network

    path = random_file(_inception_network(module), tmp_path_factory.mktemp("inception") / "random.pth")
    build = module.FeatureExtractorInceptionV3
    yield build("inception-v3-compat", ["2048", "logits_unbiased"], feature_extractor_weights_path=str(path)), path


def test_inception_gives_torch_fidelitys_features(fidelity: tuple[Any, Path], tmp_path: Path) -> None:
    reference, path = fidelity
    digest = file_digest(path)
    extractor = inception(path, sha256=digest, cache=tmp_path, device=CPU)
    assert extractor.name == f"inception-{digest[:8]}", "these are not the weights that FID means"
    pictures = random_pictures(2, 299, 299, 3)
    with torch.no_grad():
        features, logits = reference(torch.from_numpy(pictures).permute(0, 3, 1, 2))
    found = extractor(pictures)
    assert found.probabilities is not None
    np.testing.assert_allclose(found.vectors, features.numpy(), rtol=1e-4, atol=1e-5 * features.abs().max().item())
    np.testing.assert_allclose(found.probabilities, logits.double().softmax(1).numpy(), rtol=1e-3, atol=1e-7)
    assert extractor(random_pictures(1, 28, 28, 1)).vectors.shape == (1, 2048)


def test_weights_of_another_network_are_refused(fidelity: tuple[Any, Path], given: Path) -> None:
    with pytest.raises(DataError, match="weights of another network"):
        inception(given, sha256=file_digest(given), cache=given.parent, device=CPU)


@pytest.fixture(scope="module")
def vit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Path]]:
    """A random ViT-S/14 at DINOv2's own 518 points, and its weights under the names that its authors use."""
    timm = pytest.importorskip("timm", exc_type=Exception)
    torch.manual_seed(0)
    network = timm.create_model("vit_small_patch14_dinov2", num_classes=0, dynamic_img_size=True).eval()
    tensors = {name.replace("fc_norm", "norm"): value for name, value in network.state_dict().items()}
    path = tmp_path_factory.mktemp("dinov2") / "random.pth"
    torch.save({**tensors, "mask_token": torch.zeros(1, 384)}, path)
    yield network, path


def test_dinov2_gives_the_class_token_of_the_network(vit: tuple[Any, Path], tmp_path: Path) -> None:
    network, path = vit
    extractor = dinov2(path, sha256=file_digest(path), cache=tmp_path, device=CPU)
    pictures = random_pictures(2, 224, 224, 3)
    mean, spread = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x_BCHW = ((torch.from_numpy(pictures) / 255 - mean) / spread).permute(0, 3, 1, 2)
    with torch.no_grad():
        wanted = network(x_BCHW)  # it interpolates positions itself, without the offset
    found = extractor(pictures).vectors
    assert extractor.name.startswith("dinov2-")
    assert found.shape == (2, 384)
    assert np.abs(found - wanted.numpy()).max() < 0.02 * wanted.abs().max().item()


def test_other_transformers_are_refused(vit: tuple[Any, Path], given: Path) -> None:
    with pytest.raises(DataError, match="no DINOv2 ViT-S, -B or -L/14"):
        dinov2(given, sha256=file_digest(given), cache=given.parent, device=CPU)


def test_positions_follow_a_slope() -> None:
    """A step of the new cells is 37 / 16.1 old ones, for DINOv2 adds 0.1 to their number; 37 / 16 would be 2.3125."""
    side, cells = 37, 16
    rows = torch.arange(side, dtype=torch.float32)
    plane = (rows[:, None] + 2 * rows[None, :]).reshape(1, side * side, 1)
    token = torch.full((1, 1, 1), 7.0)
    found = with_positions_for({"pos_embed": torch.cat([token, plane], 1)}, cells)["pos_embed"]
    assert found.shape == (1, 1 + cells * cells, 1)
    assert found[0, 0] == 7
    grid = found[0, 1:, 0].reshape(cells, cells)
    assert (grid[12, 8] - grid[2, 8]).item() / 10 == pytest.approx(37 / 16.1, rel=2e-3)
    assert (grid[8, 12] - grid[8, 2]).item() / 20 == pytest.approx(37 / 16.1, rel=2e-3)


def test_a_file_can_be_digested_in_any_size(tmp_path: Path) -> None:
    data = bytes(range(256)) * 5000
    (tmp_path / "file").write_bytes(data)
    assert file_digest(tmp_path / "file") == hashlib.sha256(data).hexdigest()
