"""Pictures of cards, taken with Debian's Chromium through Playwright and kept small with Pillow.

Neither library is a dependency of the service: they are those of ``requirements-browser.in``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

CHROMIUM = "/usr/bin/chromium"
# The width of an order dialog or side panel; the card is a little narrower.
_WINDOW = {"width": 504, "height": 800}
_COLOURS = 32
# Our own page without scripts, from a string: nothing is fetched, so no sandbox has to hold anything back.
_OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-lcd-text",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--force-color-profile=srgb",
)


class NoPicturesError(RuntimeError):
    """No picture can be taken here: `what` is missing, and the `remedy`."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what}: {remedy}")
        self.what = what
        self.remedy = remedy


def pictures(pages: Mapping[str, str], *, chromium: str = CHROMIUM) -> Iterator[tuple[str, bytes]]:
    """A picture, as PNG, of the card on each page, under the page's name. Raises NoPicturesError."""
    _library("PIL.Image")  # told before the first picture is taken
    with browser(chromium) as started:
        opened = started.new_page(
            viewport=_WINDOW, color_scheme="light", device_scale_factor=1, java_script_enabled=False, offline=True
        )
        for name, page in pages.items():
            opened.set_content(page)
            yield name, reduced(opened.locator("article").screenshot())


@contextmanager
def browser(chromium: str = CHROMIUM) -> Iterator[Any]:
    """Chromium as Playwright drives it, closed at the end. Raises NoPicturesError."""
    driver = _library("playwright.sync_api")
    if not Path(chromium).is_file():
        raise NoPicturesError(
            f"there is no Chromium at {chromium}",
            "install it with `make setup-services`, or name another with --browser",
        )
    with driver.sync_playwright() as playwright:
        try:
            started = playwright.chromium.launch(executable_path=chromium, headless=True, args=list(_OPTIONS))
        except driver.Error as fault:
            raise NoPicturesError("Chromium does not start", "install it anew with `make setup-services`") from fault
        try:
            yield started
        finally:
            started.close()


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as fault:
        missing = {"PIL": "Pillow", "playwright": "Playwright"}[name.partition(".")[0]]
        raise NoPicturesError(f"{missing} is not installed", "install it with `make setup-browser`") from fault


def reduced(png: bytes, *, colours: int = _COLOURS) -> bytes:
    """The picture with few colours, without dithering: a quarter of the size, and text stays sharp.

    Raises NoPicturesError without the library for it.
    """
    images = _library("PIL.Image")
    with images.open(BytesIO(png)) as whole:
        fewer = whole.convert("RGB").quantize(colours, method=images.Quantize.MEDIANCUT, dither=images.Dither.NONE)
    written = BytesIO()
    fewer.save(written, format="PNG", optimize=True)
    return written.getvalue()
