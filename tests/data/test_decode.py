"""Decoded pixels against arrays that numpy made, and what must not be decoded."""

import io
import struct
import zlib

import numpy as np
import pytest
from made_pictures import noise
from PIL import Image

from sparring.data.decode import (
    RefusedError,
    content_hash,
    fit_picture,
    has_colour,
    has_transparency,
    open_picture,
    read_picture,
    reason_of,
    strict_pillow,
)


def encoded(image: Image.Image, file_format: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def pixels(data: bytes, channels: int, size: int = 16) -> np.ndarray:
    return fit_picture(read_picture(data).image, size=size, fit="crop", channels=channels)


def luma(rgb: np.ndarray) -> np.ndarray:
    return rgb.astype(np.float64) @ np.array([0.299, 0.587, 0.114])


def on_white(colour: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    share = alpha.astype(np.float64)[..., None] / 255
    return colour * share + 255 * (1 - share)


def assert_close(found: np.ndarray, expected: np.ndarray, *, within: float = 1) -> None:
    assert np.abs(found.astype(np.float64) - expected).max() <= within


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, depth: int, colour: int, rows: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("file_format", ["PNG", "BMP", "TIFF", "PPM", "WEBP"])
def test_lossless_colour_is_kept(file_format: str) -> None:
    rgb = noise(1, 16, 16, 3)
    data = encoded(Image.fromarray(rgb), file_format, **({"lossless": True} if file_format == "WEBP" else {}))
    assert np.array_equal(pixels(data, 3), rgb)
    assert_close(pixels(data, 1)[..., 0], luma(rgb))
    assert read_picture(data).format == file_format


def test_grey_in_one_and_three_channels() -> None:
    grey = noise(2, 16, 16)
    data = encoded(Image.fromarray(grey))
    assert np.array_equal(pixels(data, 1)[..., 0], grey)
    assert np.array_equal(pixels(data, 3), np.repeat(grey[..., None], 3, axis=2))
    assert (pixels(data, 4)[..., 3] == 255).all()


def test_one_bit_becomes_black_and_white() -> None:
    bits = noise(3, 16, 16) > 127
    data = encoded(Image.fromarray(bits))
    assert np.array_equal(pixels(data, 1)[..., 0], np.where(bits, 255, 0))


def palette_image(transparent: int | None = None) -> tuple[bytes, np.ndarray, np.ndarray]:
    colours, indices = noise(4, 8, 3), noise(5, 16, 16) % 8
    image = Image.fromarray(indices)
    image.putpalette(colours.tobytes())
    options = {} if transparent is None else {"transparency": transparent}
    return encoded(image, **options), colours, indices


def test_palette() -> None:
    data, colours, indices = palette_image()
    assert np.array_equal(pixels(data, 3), colours[indices])


def test_transparent_palette_entry_is_white_or_alpha() -> None:
    data, colours, indices = palette_image(transparent=3)
    seen = np.where((indices == 3)[..., None], 255, colours[indices])
    assert np.array_equal(pixels(data, 3), seen)
    assert np.array_equal(pixels(data, 4)[..., 3], np.where(indices == 3, 0, 255))
    assert has_transparency(read_picture(data).image)


def test_transparent_colour_of_a_picture_without_palette() -> None:
    rgb = noise(6, 16, 16, 3)
    rgb[:4] = (10, 20, 30)
    data = encoded(Image.fromarray(rgb), transparency=(10, 20, 30))
    assert (pixels(data, 3)[:4] == 255).all()
    assert np.array_equal(pixels(data, 3)[4:], rgb[4:])


def test_alpha_is_composited_on_white_and_kept_for_four_channels() -> None:
    rgba = noise(7, 16, 16, 4)
    data = encoded(Image.fromarray(rgba))
    assert_close(pixels(data, 3), on_white(rgba[..., :3], rgba[..., 3]))
    assert_close(pixels(data, 1)[..., 0], luma(on_white(rgba[..., :3], rgba[..., 3])), within=1.5)
    assert np.array_equal(pixels(data, 4), rgba)


def test_grey_with_alpha() -> None:
    both = noise(8, 16, 16, 2)
    data = encoded(Image.fromarray(both))
    expected = on_white(both[..., :1].astype(np.float64), both[..., 1])
    assert_close(pixels(data, 1), expected)
    assert not has_colour(read_picture(data).image)


def test_cmyk_tiff_and_adobe_inverted_jpeg() -> None:
    cmyk = np.zeros((16, 16, 4), np.uint8)
    cmyk[:8], cmyk[8:] = (255, 0, 0, 0), (0, 0, 255, 128)
    image = Image.fromarray(cmyk, "CMYK")
    expected = np.zeros((16, 16, 3))
    expected[:8], expected[8:] = (0, 255, 255), (127, 127, 0)
    assert_close(pixels(encoded(image, "TIFF"), 3), expected)
    jpeg = encoded(image, "JPEG", quality=100, subsampling=0)
    assert b"Adobe" in jpeg
    assert_close(pixels(jpeg, 3), expected, within=4)


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_not_clipped(file_format: str) -> None:
    values = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    assert_close(pixels(encoded(Image.fromarray(values), file_format), 1)[..., 0], values / 257, within=0.5)


def test_big_endian_sixteen_bits() -> None:
    values = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    image = Image.frombytes("I;16B", (16, 16), values.astype(">u2").tobytes())
    data = encoded(image, "TIFF")
    assert data[:2] == b"MM"
    assert_close(pixels(data, 1)[..., 0], values / 257, within=0.5)


def test_sixteen_bit_colour_and_dark_pgm() -> None:
    values = np.linspace(0, 65535, 768).astype(np.uint16).reshape(16, 16, 3)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    assert_close(pixels(png(16, 16, 16, 2, rows), 3), values / 257)
    dark = (np.arange(256, dtype=np.uint16) // 2).reshape(16, 16)
    pgm = b"P5 16 16 65535\n" + dark.astype(">u2").tobytes()
    assert pixels(pgm, 1).max() <= 1, "values up to 127 of 65535 are nearly black"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.arange(256), np.arange(256)),
        (np.arange(256) * 257, np.arange(256)),
        (np.arange(256) * 1000 - 5000, np.arange(256)),
    ],
    ids=["within 255", "within 65535", "own range"],
)
def test_whole_numbers_of_32_bits(values: np.ndarray, expected: np.ndarray) -> None:
    image = Image.fromarray(values.astype(np.int32).reshape(16, 16))
    assert_close(pixels(encoded(image, "TIFF"), 1)[..., 0], expected.reshape(16, 16), within=0.5)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.arange(256) / 255, np.arange(256)),
        (np.arange(256.0), np.arange(256)),
        (np.arange(256) * 7.0 - 900, np.arange(256)),
    ],
    ids=["within 1", "within 255", "own range"],
)
def test_floating_point(values: np.ndarray, expected: np.ndarray) -> None:
    image = Image.fromarray(values.astype(np.float32).reshape(16, 16))
    assert_close(pixels(encoded(image, "TIFF"), 1)[..., 0], expected.reshape(16, 16), within=0.5)


def test_not_a_number_is_refused() -> None:
    values = np.zeros((16, 16), np.float32)
    values[3, 3] = np.nan
    with pytest.raises(RefusedError, match="not finite"):
        read_picture(encoded(Image.fromarray(values), "TIFF"))


@pytest.mark.parametrize("file_format", ["GIF", "PNG", "WEBP", "TIFF"])
def test_the_first_frame_of_an_animation_is_read(file_format: str) -> None:
    first, second = Image.new("RGB", (16, 16), (250, 0, 0)), Image.new("RGB", (16, 16), (0, 0, 250))
    data = encoded(first, file_format, save_all=True, append_images=[second])
    assert_close(pixels(data, 3), np.broadcast_to((250, 0, 0), (16, 16, 3)), within=6)


def upright(stored: np.ndarray, orientation: int) -> np.ndarray:
    """What EXIF 2.3 says that a viewer shows, written down row by row of its table."""
    return {
        1: stored,
        2: stored[:, ::-1],
        3: stored[::-1, ::-1],
        4: stored[::-1],
        5: stored.transpose(1, 0, 2),
        6: np.rot90(stored, -1),
        7: stored[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(stored, 1),
    }[orientation]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_exif_orientation(orientation: int, file_format: str) -> None:
    stored = noise(9, 12, 20, 3)
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = read_picture(encoded(Image.fromarray(stored), file_format, exif=exif)).image
    assert np.array_equal(np.asarray(picture), upright(stored, orientation))


def test_exif_orientation_of_a_jpeg_and_broken_exif() -> None:
    stored = np.zeros((16, 24, 3), np.uint8)
    stored[:, :12] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = np.asarray(read_picture(encoded(Image.fromarray(stored), "JPEG", exif=exif)).image)
    assert turned.shape == (24, 16, 3)
    assert turned[:8].mean() > 250 and turned[-8:].mean() < 5
    with strict_pillow():
        broken = encoded(Image.fromarray(stored), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
        assert read_picture(broken).image.size == (24, 16)


def test_crop_keeps_the_centre_and_pad_keeps_everything() -> None:
    wide = np.zeros((16, 48, 3), np.uint8)
    wide[:, :16], wide[:, 16:32], wide[:, 32:] = (200, 0, 0), (0, 200, 0), (0, 0, 200)
    image = Image.fromarray(wide)
    assert np.array_equal(fit_picture(image, size=16, fit="crop", channels=3), wide[:, 16:32])
    padded = fit_picture(image, size=48, fit="pad", channels=3)
    ring = np.concatenate([wide[0], wide[-1], wide[:, 0], wide[:, -1]]).mean(axis=0)
    assert np.array_equal(padded[16:32], wide)
    assert_close(padded[:16], np.broadcast_to(ring, (16, 48, 3)), within=0.5)


def test_reduction_is_antialiased_and_enlarging_is_smooth() -> None:
    board = (np.indices((256, 256)).sum(axis=0) % 2 * 255).astype(np.uint8)
    reduced = fit_picture(Image.fromarray(board), size=16, fit="crop", channels=1)
    assert_close(reduced, np.full((16, 16, 1), 127.5), within=4)
    ramp = np.repeat(np.linspace(0, 255, 8).astype(np.uint8)[None], 8, axis=0)
    enlarged = fit_picture(Image.fromarray(ramp), size=32, fit="crop", channels=1)[..., 0].astype(int)
    assert (np.diff(enlarged, axis=1) >= -1).all() and enlarged.shape == (32, 32)


def test_transparent_pixels_do_not_bleed_when_resized() -> None:
    rgba = np.zeros((32, 32, 4), np.uint8)
    rgba[:, :16] = (0, 255, 0, 255)
    rgba[:, 16:] = (255, 0, 0, 0)
    small = fit_picture(Image.fromarray(rgba), size=8, fit="crop", channels=4)
    visible = small[small[..., 3] > 16]
    assert (visible[:, 0] < 8).all(), "the hidden red must not tint the edge"


def test_the_hash_is_of_what_is_seen() -> None:
    stored = noise(10, 16, 24, 3)
    exif = Image.Exif()
    exif[0x0112] = 3
    ways = [
        encoded(Image.fromarray(stored)),
        encoded(Image.fromarray(stored), "BMP"),
        encoded(Image.fromarray(stored), "WEBP", lossless=True),
        encoded(Image.fromarray(stored[::-1, ::-1]), exif=exif),
    ]
    images = [read_picture(way).image for way in ways]
    hashes = {content_hash(image.mode, *image.size, image.tobytes()) for image in images}
    assert len(hashes) == 1 and len(hashes.pop()) == 16
    other = stored.copy()
    other[0, 0, 0] ^= 1
    assert content_hash("RGB", 24, 16, other.tobytes()) != content_hash("RGB", 24, 16, stored.tobytes())
    assert content_hash("RGB", 16, 24, stored.tobytes()) != content_hash("RGB", 24, 16, stored.tobytes())


def test_colour_is_told_by_content() -> None:
    grey = np.repeat(noise(11, 16, 16, 1), 3, axis=2)
    assert not has_colour(read_picture(encoded(Image.fromarray(grey))).image)
    grey[5, 5] = (1, 2, 3)
    assert has_colour(read_picture(encoded(Image.fromarray(grey))).image)


def good_jpeg() -> bytes:
    return encoded(Image.fromarray(noise(12, 64, 64, 3)), "JPEG")


def good_png() -> bytes:
    return encoded(Image.fromarray(noise(13, 64, 64, 3)))


def cut(data: bytes, share: float) -> bytes:
    return data[: max(1, int(len(data) * share))]


def malformed() -> dict[str, bytes]:
    """About forty files that can't be pictures to train on."""
    cases = {
        "empty": b"",
        "one byte": b"\xff",
        "zeros": bytes(4096),
        "html": b"<!DOCTYPE html><html><body>404</body></html>",
        "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "text": b"not a picture at all",
        "pdf": b"%PDF-1.7\n1 0 obj",
        "zip": b"PK\x03\x04" + bytes(64),
        "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\nshowpage",
        "gzip": b"\x1f\x8b\x08" + bytes(32),
        "photoshop": b"8BPS\0\1" + bytes(64),
        "fits": b"SIMPLE  =                    T" + bytes(2880),
        "heic": b"\0\0\0\x18ftypheic" + bytes(64),
        "jpeg 2000": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(64),
        "only a JPEG's beginning": b"\xff\xd8\xff",
        "JPEG without pixels": b"\xff\xd8\xff\xd9",
        "only a PNG's beginning": b"\x89PNG\r\n\x1a\n",
        "only a GIF's beginning": b"GIF89a",
        "only a BMP's beginning": b"BM" + bytes(10),
        "only a TIFF's beginning": b"II*\0",
        "TIFF that points at itself": b"II*\0\x08\0\0\0\x00\x00\x08\0\0\0",
        "WebP without data": b"RIFF\x04\0\0\0WEBP",
        "PPM without pixels": b"P6 64 64 255\n",
        "PPM of letters": b"P6 sixty four 255\n",
        "too small": encoded(Image.new("RGB", (7, 64))),
        "one pixel": encoded(Image.new("RGB", (1, 1))),
        "thin": encoded(Image.new("L", (1, 30000))),
        "too long": encoded(Image.new("L", (8, 30001))),
        "PNG bomb": png(50000, 50000, 8, 2, b""),
        "PNG bomb within the sides": png(29000, 29000, 8, 2, b""),
        "PNG of no width": png(0, 64, 8, 2, b""),
        "PNG with too few rows": png(64, 64, 8, 2, bytes(100)),
        "BMP bomb": b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, 60000, 60000, 1, 24, 0, 0, 0, 0, 0, 0),
        "GIF bomb": b"GIF89a"
        + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0)
        + b","
        + struct.pack("<HHHHB", 0, 0, 65535, 65535, 0)
        + b"\x08\0;",
        "PPM bomb": b"P6 60000 60000 255\n",
    }
    for name, data in (("JPEG", good_jpeg()), ("PNG", good_png())):
        cases |= {f"{name} cut at {share:.0%}": cut(data, share) for share in (0.02, 0.1, 0.5, 0.9)}
    flipped = bytearray(good_png())
    flipped[len(flipped) // 2] ^= 0xFF
    return cases | {"PNG with a wrong checksum": bytes(flipped)}


@pytest.mark.parametrize("name", malformed())
def test_malformed_files_are_refused_with_a_reason(name: str) -> None:
    data = malformed()[name]
    with strict_pillow(), pytest.raises(Exception) as caught:
        read_picture(data)
    ours = AssertionError | RecursionError | LookupError | TypeError | AttributeError
    assert not isinstance(caught.value, ours), "that would be a bug rather than a damaged file"
    assert len(reason := reason_of(caught.value, data)) > 8 and "\n" not in reason


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("empty", "empty file"),
        ("html", "HTML"),
        ("pdf", "PDF"),
        ("heic", "HEIC"),
        ("postscript", "PostScript"),
        ("too small", "under 8"),
        ("thin", "under 8"),
        ("PNG bomb", "178 million"),
        ("GIF bomb", "178 million"),
        ("too long", "a side over 30,000"),
    ],
)
def test_the_reason_says_what_it_is(name: str, words: str) -> None:
    data = malformed()[name]
    with strict_pillow(), pytest.raises(Exception) as caught:
        read_picture(data)
    assert words in reason_of(caught.value, data)


def test_the_ending_does_not_matter_and_odd_good_files_are_read() -> None:
    progressive = encoded(Image.fromarray(noise(14, 32, 32, 3)), "JPEG", progressive=True)
    assert read_picture(progressive).image.size == (32, 32)
    assert read_picture(good_jpeg() + b"<html>more</html>" * 100).image.size == (64, 64)
    assert open_picture(good_png()).format == "PNG"


def test_limits_of_pillow_are_put_back() -> None:
    before = Image.MAX_IMAGE_PIXELS
    with strict_pillow():
        assert Image.MAX_IMAGE_PIXELS == 178_000_000
    assert before == Image.MAX_IMAGE_PIXELS
