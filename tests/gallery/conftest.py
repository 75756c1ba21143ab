"""The gallery, made once."""

from __future__ import annotations

import pytest

from cds_hooks.gallery.cases import gallery_cases
from cds_hooks.gallery.files import GalleryFiles, files_of
from cds_hooks.gallery.shown import Shown, shown
from cds_hooks.trust.profiles import client_profiles
from mappings.load import load


@pytest.fixture(scope="session")
def gallery() -> tuple[Shown, ...]:
    return shown(gallery_cases(), load(), client_profiles())


@pytest.fixture(scope="session")
def wanted(gallery: tuple[Shown, ...]) -> GalleryFiles:
    return files_of(gallery)
