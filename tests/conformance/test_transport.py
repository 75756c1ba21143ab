"""Traffic with real patients goes over TLS only: the service does not start at a public address without."""

from __future__ import annotations

import pytest

from cds_hooks.startable import ConfigurationError


@pytest.mark.proves("TR-01", "DI-18", "SE-01")
@pytest.mark.parametrize("base", ["http://cds.example/trd", "http://10.0.0.5:8000", "http://localhost.example"])
def test_a_service_with_login_does_not_start_at_a_plain_address(clinic, keyring, base):
    with pytest.raises(ConfigurationError, match="TRD_CDS_BASE_URL to the https address"):
        clinic(registry=keyring.registry(), base_url=base)


@pytest.mark.proves("TR-01", "DI-18", "SE-01")
@pytest.mark.parametrize("base", ["https://cds.example/trd", "http://127.0.0.1:8000", "http://localhost:8000"])
def test_it_starts_behind_tls_and_on_this_machine(clinic, keyring, base):
    assert clinic(registry=keyring.registry(), base_url=base).send("GET", "/cds-services").status_code == 200


@pytest.mark.proves("SE-03", "SE-04")
def test_without_a_registry_nothing_starts_but_what_says_that_it_is_open(clinic):
    with pytest.raises(ConfigurationError, match="no client registry"):
        clinic(open_mode=False)
