"""docs/client-profiles.md says what the profiles hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from cds_hooks.proposals import order_names
from cds_hooks.trust.behaviour import Behaviour, SiteCode
from cds_hooks.trust.profile_page import main, with_made_part
from mappings.load import load

PAGE = Path(__file__).parents[2] / "docs" / "client-profiles.md"


def test_the_made_part_is_current(tmp_path):
    copy = tmp_path / "page.md"
    copy.write_text(PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    main(str(copy))
    assert copy.read_text(encoding="utf-8") == PAGE.read_text(encoding="utf-8"), (
        "run python -m cds_hooks.trust.profile_page docs/client-profiles.md"
    )


def test_a_page_without_marks_is_refused():
    with pytest.raises(ValueError, match="no part"):
        with_made_part("text", load())


def test_attributes_named_in_the_text_exist():
    told = PAGE.read_text(encoding="utf-8").split("<!-- made from data: begin -->")[0]
    named = {word for word in re.findall(r"`([a-z]+_[a-z_]+)", told) if not word.startswith("cds_hooks")}
    assert named
    assert named <= set(Behaviour.model_fields)


def test_the_example_of_site_codes_is_one():
    text = PAGE.read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    (client,) = yaml.safe_load(example)["clients"]
    codes = [SiteCode.model_validate(one) for one in client["site_codes"]]
    assert {one.order for one in codes} <= set(order_names(load()))
