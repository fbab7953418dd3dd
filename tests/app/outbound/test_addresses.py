from __future__ import annotations

from ipaddress import ip_address

import pytest

from app.outbound.addresses import unusual_spelling, why_inside


@pytest.mark.parametrize(
    "address",
    [
        *(
            "1.1.1.1",
            "8.8.8.8",
            "172.15.0.1",
            "172.32.0.1",
            "100.63.255.255",
            "100.128.0.1",
            "192.0.1.1",
            "168.63.129.17",
        ),
        *("2606:4700:4700::1111", "2a00:1450:4001::1", "2400:cb00::1", "64:ff9b::808:808", "2001:4860:4860::8888"),
    ],
)
def test_public_addresses_pass(address: str) -> None:
    assert why_inside(ip_address(address)) is None


def test_the_reason_names_what_the_address_is_for() -> None:
    assert why_inside(ip_address("168.63.129.16")) == "a cloud's host agent"
    assert why_inside(ip_address("64:ff9b::a9fe:a9fe")) == "translated to 169.254.169.254"


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("2130706433", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("0", "0.0.0.0"),
        ("017700000001", "127.0.0.1"),
        ("1.2.3.4.5", "no address"),
        ("example.0x", "no address"),
        ("127.1.", "127.0.0.1"),
    ],
)
def test_a_host_that_ends_in_a_number_is_an_address(host: str, address: str) -> None:
    assert unusual_spelling(host) == address


@pytest.mark.parametrize("host", ["example.org", "1password.com", "a.b1", "0x.example", "deadbeef"])
def test_a_name_is_no_address(host: str) -> None:
    assert unusual_spelling(host) is None
