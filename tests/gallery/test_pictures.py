"""Pictures in a real browser: those in the documentation are what is drawn now, and nothing is cut off."""

from __future__ import annotations

import os
import re
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.gallery.files import GalleryFiles
from cds_hooks.gallery.pictures import CHROMIUM, browser, pictures

pytestmark = pytest.mark.browser

DIRECTORY = Path(__file__).parents[2] / "docs" / "cards"
USED = os.environ.get("CHROMIUM", CHROMIUM)
NAMES = ("generic/acute-safety-high.png", "epic/trd-options-matched.png", "athena/trd-options-matched.png")
PIXELS_OFF = 3  # of the height: another release of the browser or of the font
SHARE_OFF = 0.01  # of the pixels: less than one reworded line
SEEN = 64  # of 255, in any colour


def _share_that_differs(one: bytes, other: bytes) -> float:
    """The share of pixels that differ visibly; 1 where the sizes differ by more than a few pixels."""
    from PIL import Image, ImageChops

    first, second = (Image.open(BytesIO(png)).convert("RGB") for png in (one, other))
    if first.width != second.width or abs(first.height - second.height) > PIXELS_OFF:
        return 1.0
    box = (0, 0, first.width, min(first.height, second.height))
    red, green, blue = ImageChops.difference(first.crop(box), second.crop(box)).split()
    seen = ImageChops.lighter(ImageChops.lighter(red, green), blue).histogram()[SEEN:]
    return sum(seen) / (box[2] * box[3])


def test_a_picture_taken_anew_is_the_one_in_the_documentation(wanted: GalleryFiles) -> None:
    pages = {name: wanted.pages[name] for name in NAMES}
    # Changes that must be told: a line less, a few other words, another colour.
    whole = pages[NAMES[0]]
    first, _, rest = whole.partition("<li>")
    pages["shorter"] = first + rest.partition("</li>")[2]
    pages["reworded"] = re.sub(r"(?<=\w)e(?=\w)", "a", whole.partition("</style>")[2])
    pages["reworded"] = whole.partition("</style>")[0] + "</style>" + pages["reworded"]
    pages["recoloured"] = whole.replace('class="cds-card critical"', 'class="cds-card info"')
    taken = dict(pictures(pages, chromium=USED))
    for name in NAMES:
        assert _share_that_differs(taken[name], (DIRECTORY / name).read_bytes()) < SHARE_OFF, name
    for name in ("shorter", "reworded", "recoloured"):
        assert _share_that_differs(taken[name], (DIRECTORY / NAMES[0]).read_bytes()) > SHARE_OFF, name


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_cut_off_on_a_narrow_screen_and_both_schemes_are_drawn(scheme: Any, wanted: GalleryFiles) -> None:
    with browser(USED) as started:
        page = started.new_page(viewport={"width": 320, "height": 800}, color_scheme=scheme)
        for name in NAMES:
            page.set_content(wanted.pages[name])
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name
        ground = page.evaluate("getComputedStyle(document.querySelector('article')).backgroundColor")
        assert (ground == "rgb(255, 255, 255)") is (scheme == "light")
        page.keyboard.press("Tab")  # the link to the source
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.type") in {"radio", "checkbox"}
