from __future__ import annotations

import pytest

from app.errors import SettingsError
from app.outbound.targets import OutboundPolicy, OutboundRefused, check_url, policy_of


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://example.org/", "plain http"),
        ("ws://example.org/", "plain http"),
        ("file:///etc/passwd", "file scheme"),
        ("gopher://example.org/", "gopher scheme"),
        ("ftp://example.org/", "ftp scheme"),
        ("unix:/run/x.sock", "unix scheme"),
        ("data:text/plain,x", "data scheme"),
        ("example.org/hook", "no scheme"),
        ("", "no scheme"),
        ("https://user:pw@example.org/", "user name"),
        ("https://user@example.org/", "user name"),
        ("https://@example.org/", "user name"),
        ("https://example.org/#top", "fragment"),
        ("https://example.org/#", "fragment"),
        ("https://example.org:22/", "port 22"),
        ("https://example.org:25/", "port 25"),
        ("https://example.org:6379/", "port 6379"),
        ("https://example.org:0/", "port 0"),
        ("https://example.org:99999/", "cannot be read"),
        ("https:///hook", "cannot be read|no host"),
        ("https://./hook", "no host"),
        ("https://exa mple.org/", "spaces"),
        ("https://example.org/\r\nHost: inside", "spaces or control"),
        ("https://exam\u200bple.org/", "spaces or control"),
        ("https://example.org\\@127.0.0.1/", "backslash"),
        ("https://127%2e0.0.1/", "escape"),
        ("https://[fe80::1%25eth0]/", "zone or an unknown form"),
        ("https://[v1.x]/", "unknown form"),
        ("https://ex!ample.org/", "host name"),
        ("https://a..b.org/", "host name"),
        (f"https://{'a' * 64}.org/", "host name|cannot be read"),
        (f"https://example.org/{'x' * 5000}", "longer than"),
    ],
)
def test_a_url_of_a_form_that_is_not_allowed_is_refused_in_plain_words(url: str, words: str) -> None:
    with pytest.raises(OutboundRefused, match=words):
        check_url(url, OutboundPolicy())


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("https://hooks.slack.com/services/T/B/x", "hooks.slack.com", 443),
        ("https://example.org:8443/hook?sig=a%2Bb", "example.org", 8443),
        ("https://EXAMPLE.org./", "example.org", 443),
        ("https://bücher.example/", "xn--bcher-kva.example", 443),
        ("https://1.1.1.1/", "1.1.1.1", 443),
        ("wss://stream.example.org/subscribe", "stream.example.org", 443),
    ],
)
def test_a_public_url_over_tls_passes_and_shows_its_host_in_wire_form(url: str, host: str, port: int) -> None:
    target = check_url(url, OutboundPolicy())
    assert (target.host, target.port) == (host, port)


def test_the_allow_list_opens_http_and_any_port_for_its_own_hosts_and_networks_alone() -> None:
    policy = policy_of(["Hooks.Internal", "10.1.0.0/16", "::1"])
    assert check_url("http://hooks.internal:9000/x", policy).port == 9000
    assert check_url("http://10.1.2.3:9000/x", policy).port == 9000
    assert check_url("http://[::1]:9000/x", policy).port == 9000
    for url in ("https://10.2.0.1/", "https://127.0.0.1/", "http://1.1.1.1/"):
        with pytest.raises(OutboundRefused):
            check_url(url, policy)


@pytest.mark.parametrize("entry", ["10.0.0.0/40", "10.0.0.1/8", "", "http://x", "bücher.example", "127.1", "a/b"])
def test_an_entry_that_is_neither_network_nor_name_is_a_settings_error(entry: str) -> None:
    with pytest.raises(SettingsError, match="neither a network nor a host name"):
        policy_of([entry])
