"""Who may read the metrics: whoever has the token; without one set, only a program on the same machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

TOKEN = "metrics-token-of-this-test"
ELSEWHERE = ("192.0.2.7", 50_000)


@pytest.mark.parametrize("peer", [("127.0.0.1", 50_000), ("::1", 50_000), ELSEWHERE])
def test_the_token_opens_from_anywhere(station: Callable[..., Any], peer: tuple[str, int]) -> None:
    at = station(metrics_token=TOKEN)
    for scheme in ("Bearer", "bearer"):
        answer = at.get("/metrics", peer=peer, headers={"Authorization": f"{scheme} {TOKEN}", "Via": "1.1 proxy"})
        assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert answer.headers["cache-control"] == "no-store"
    assert "trd_cds_calls_total" in answer.text


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Basic {TOKEN}",
        TOKEN,
    ],
)
def test_without_the_token_nothing_opens_even_here(station: Callable[..., Any], authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    refused(station(metrics_token=TOKEN).get("/metrics", headers=headers))


@pytest.mark.parametrize("token", [None, ""])
def test_without_a_setting_only_this_machine_may_read(station: Callable[..., Any], token: str | None) -> None:
    at = station(metrics_token=token)
    assert at.get("/metrics").status_code == 200
    assert at.get("/metrics", peer=("::1", 50_000)).status_code == 200
    refused(at.get("/metrics", peer=ELSEWHERE))
    refused(at.get("/metrics", peer=ELSEWHERE, headers={"Authorization": "Bearer "}))
    refused(at.get("/metrics", peer=None))


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via", "X-Forwarded-Host"])
def test_without_a_setting_a_proxy_on_this_machine_is_not_this_machine(station: Callable[..., Any], name: str) -> None:
    refused(station().get("/metrics", headers={name: "127.0.0.1"}))


def refused(answer: Any) -> None:
    assert answer.status_code == 404
    outcome = answer.json()
    assert outcome["resourceType"] == "OperationOutcome"
    assert "TRD_CDS_METRICS_TOKEN" in outcome["issue"][0]["diagnostics"]
    assert TOKEN not in answer.text
    assert "trd_cds" not in answer.text
