"""What is kept, and what is said of it: nothing that tells of anybody without the key and the link together."""

from __future__ import annotations

import asyncio
import hashlib
import re
from pathlib import Path

from cds_hooks.storage.keys import InstallationKeys
from tests.planted import FAMILY_NAME


def _files(records):
    name = Path(records.database.url.database)
    return b"".join(file.read_bytes() for file in name.parent.glob(f"{name.name}*") if file.is_file())


def test_the_database_holds_no_clear_word(site):
    here = site()
    secret = here.link().rpartition("/")[2]
    (row,) = here.rows()
    stored = _files(here.records)
    # The audit trail names the clinician (TRD_CDS_RECORD_USERS); the row of the snapshot does not.
    for told in (secret, "patient-canary", FAMILY_NAME, "1970-01-01", "Basis of the assessment", "<!doctype"):
        assert told.encode() not in stored, told
    for told in ("doctor-canary", secret):
        assert told.encode() not in row.sealed and told not in row.user and told != row.mark
    assert set(row._mapping) == {"mark", "client", "user", "attempts", "sealed", "created_at", "expires_at"}
    assert row.mark == hashlib.sha256(secret.encode()).hexdigest() and row.client == "general"
    assert (row.expires_at - row.created_at).total_seconds() == 600


def test_it_takes_the_key_and_the_link_together(site):
    here = site()
    secret = here.link().rpartition("/")[2]
    (row,) = here.rows()
    keys = here.records.keys
    assert keys.unseal_for(secret, row.sealed) is not None
    assert keys.unseal_for("another", row.sealed) is None and keys.unseal(row.sealed) is None
    assert InstallationKeys.from_keys((b"z" * 32,)).unseal_for(secret, row.sealed) is None


def test_two_snapshots_of_one_clinician_share_nothing_but_the_client(site):
    here = site()
    here.link(), here.link()
    first, second = here.rows()
    assert first.client == second.client
    assert {first.user, first.mark}.isdisjoint({second.user, second.mark})


def test_a_key_taken_out_of_the_file_ends_it(site):
    here = site()
    link = here.link()
    browser = here.browser()
    row = here.rows()[0]
    changed = InstallationKeys.from_keys((b"z" * 32,)).seal_for(link.rpartition("/")[2], "x")
    from sqlalchemy import update

    from cds_hooks.storage.tables import snapshots

    asyncio.run(here.records.database.write(lambda one: one.execute(update(snapshots).values(sealed=changed))))
    assert row.sealed != changed
    assert browser.open(link).status_code == 404 and here.rows() == []


def test_neither_log_nor_cookies_nor_traces_say_more_than_how_it_ended(site):
    here = site()
    link = here.link()
    browser = here.browser()
    browser.follow(browser.to_answer(link), headers={"X-Request-Id": link.rpartition("/")[2]})
    text = here.written.getvalue()
    secrets = [link.rpartition("/")[2], "canary", "login.example", *here.provider.asked[0].values()]
    assert not [secret for secret in secrets if len(secret) > 6 and secret in text.replace('"trd-cds"', "")]
    said = [(line["call"], line["status"], line.get("outcome", ""), line["client"]) for line in here.lines]
    assert said[1:] == [("snapshot-link", 302, "sign-in", "general"), ("snapshot-page", 200, "shown", "general")]
    for one in browser.seen:
        for cookie in one.headers.get_list("set-cookie"):
            assert re.match(r"__Secure-trd-snapshot-[0-9a-f]{16}=", cookie) and "canary" not in cookie
            assert "Path=/trd/app;" in cookie and cookie.endswith("HttpOnly; Secure; SameSite=Lax")


def test_the_opening_is_in_the_audit_trail_as_the_call_was(site):
    here = site()
    link = here.link()
    here.provider.user = "Practitioner/another"
    here.browser().open(link)
    here.provider.user = "Practitioner/doctor-canary"
    here.browser().open(link)
    refused, shown = here.events()
    assert (refused["outcome"], shown["outcome"]) == ("4", "0")
    assert refused["agent"][0]["who"]["identifier"]["value"] == "Practitioner/another"
    assert shown["agent"][0]["who"]["identifier"]["value"] == "Practitioner/doctor-canary"
    pseudonym = here.records.keys.pseudonym("patient", "general", "", "patient-canary")
    assert shown["entity"][0]["what"]["identifier"]["value"] == pseudonym
    details = {one["type"]: one["valueString"] for one in shown["entity"][1]["detail"]}
    assert details["way"] == "snapshot" and details["hook call"] == here.lines[0]["correlation_id"]
    assert pseudonym not in str(refused)
    assert here.lines[-1]["audit"] == 3
    assert asyncio.run(here.records.audit.verify()).broken == ""
