"""Pictures of the running system for README and docs: which page, how wide, and what was done on it before.

The list is ``screens.yaml``. Each picture is taken in a browser of its own window, so that none depends on another.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import as_file, files
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cds_hooks.gallery.pictures import CHROMIUM, NoPicturesError, browser, reduced
from mappings.strict_yaml import read_model

FILE = "screens.yaml"
_STRICT = ConfigDict(strict=True, frozen=True, extra="forbid")
_COLOURS = 64
_HEAD = """\
# Pictures of the running demo

Taken by `make screens` from `trd-cds demo`, as [screens.yaml](../../cds_hooks/gallery/screens.yaml) lists them.
Synthetic patients.
"""
_PATIENCE_MILLISECONDS = 15_000
Text = Annotated[str, Field(min_length=1, pattern=r"\S")]


class Step(BaseModel):
    """One thing that a visitor does: exactly one of `click`, `type` and `wait`, each naming elements as CSS does.

    `type` needs the `text` that is typed. A click may open another page, which is then the one in the picture.
    """

    model_config = _STRICT

    click: Text | None = None
    type: Text | None = None
    text: str = ""
    wait: Text | None = None

    @model_validator(mode="after")
    def _one_thing(self) -> Step:
        if sum(each is not None for each in (self.click, self.type, self.wait)) != 1:
            raise ValueError("a step is one of click, type and wait")
        return self


class Screen(BaseModel):
    """One picture: the page at `path`, `width` and `height` of the window in CSS pixels, light or dark.

    `shows` is the alternative text. After all `steps` the `whole` page is taken, or what is in the window.
    """

    model_config = _STRICT

    name: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    shows: Text
    path: Annotated[str, Field(pattern=r"^/")]
    width: Annotated[int, Field(ge=320, le=2000)] = 1280
    height: Annotated[int, Field(ge=320, le=4000)] = 900
    scheme: Literal["light", "dark"] = "light"
    steps: tuple[Step, ...] = ()
    whole: bool = False


class Screens(BaseModel):
    """The file."""

    model_config = _STRICT

    screens: Annotated[tuple[Screen, ...], Field(min_length=1)]


def screens() -> tuple[Screen, ...]:
    """All pictures of the list. Raises KnowledgeError for a file of the wrong shape."""
    with as_file(files(__package__) / FILE) as path:
        return read_model(path, f"gallery/{FILE}", Screens).screens


def index_of(listed: tuple[Screen, ...]) -> str:
    """The page, in Markdown, that shows all pictures of `listed`, which lie beside it."""
    shown = [f"## {one.shows}\n\n`{one.path}`\n\n![{one.shows}]({one.name}.png)\n" for one in listed]
    return "\n".join((_HEAD, *shown))


def taken(base: str, wanted: tuple[Screen, ...], *, chromium: str = CHROMIUM) -> Iterator[tuple[str, bytes]]:
    """Each of `wanted` as PNG under its name, from the system that answers under `base`.

    Raises NoPicturesError without a browser, and where a page lacks what a step names.
    """
    with browser(chromium) as started:
        for screen in wanted:
            context = started.new_context(
                viewport={"width": screen.width, "height": screen.height}, color_scheme=screen.scheme
            )
            try:
                yield screen.name, reduced(_picture(context, base, screen), colours=_COLOURS)
            finally:
                context.close()


def _picture(context: Any, base: str, screen: Screen) -> bytes:
    context.set_default_timeout(_PATIENCE_MILLISECONDS)
    page = context.new_page()
    page.goto(base + screen.path)
    page.wait_for_load_state("networkidle")
    for place, step in enumerate(screen.steps, start=1):
        try:
            page = _done(step, page)
        except Exception as fault:  # the driver's own errors quote whole pages
            raise NoPicturesError(
                f"{screen.name}: step {place} cannot be done", f"compare it with the page at {screen.path}"
            ) from fault
    picture: bytes = page.screenshot(full_page=screen.whole)
    return picture


def _done(step: Step, page: Any) -> Any:
    """Do `step` on `page`; the page that is then in front."""
    if step.wait is not None:
        page.locator(step.wait).first.wait_for()
    elif step.type is not None:
        page.locator(step.type).first.fill(step.text)
    elif step.click is not None:
        before = len(page.context.pages)
        page.locator(step.click).first.click()
        page.wait_for_load_state("networkidle")
        if len(page.context.pages) > before:
            page = page.context.pages[-1]
            page.wait_for_load_state("networkidle")
    return page
