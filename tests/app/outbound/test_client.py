from __future__ import annotations

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
import trustme

from app.outbound.client import Ask, OutboundClient, OutboundFailed, resolve_name
from app.outbound.targets import OutboundPolicy, OutboundRefused, policy_of

HERE = Path(__file__).parent
INSIDE = (HERE / "refused_addresses.txt").read_text().split()
ODD_URLS = (HERE / "refused_urls.txt").read_text().replace("{soft_hyphen}", "\u00ad").split()  # {s}: scheme, {p}: port

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


@dataclass
class Listener:
    """A raw server on loopback that remembers who came and what was asked."""

    host: str
    answer: bytes | Handler
    port: int = 0
    connections: int = 0
    heads: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            self.heads.append(await reader.readuntil(b"\r\n\r\n"))
            if isinstance(self.answer, bytes):
                writer.write(self.answer)
                await writer.drain()
            else:
                await self.answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def listening(
    answer: bytes | Handler = OK, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[Listener]:
    listener = Listener(host, answer)
    server = await asyncio.start_server(listener.serve, host, 0, ssl=tls)
    listener.port = server.sockets[0].getsockname()[1]
    try:
        yield listener
    finally:
        server.close()
        await server.wait_closed()


def answering(*answers: Sequence[str]) -> Callable[[str, int], Awaitable[Sequence[str]]]:
    """A resolver that gives its answers in turn, the last one for ever."""
    left = list(answers)

    async def resolve(host: str, port: int) -> Sequence[str]:
        del host, port
        return left.pop(0) if len(left) > 1 else left[0]

    return resolve


LOOPBACK = policy_of(["127.0.0.0/8"])


async def test_no_entry_of_the_table_of_addresses_and_urls_reaches_an_inside_listener() -> None:
    answer: list[str] = []

    async def resolve(host: str, port: int) -> Sequence[str]:
        return answer or await resolve_name(host, port)

    async with listening() as listener:
        client = OutboundClient(OutboundPolicy(plain=True, ports=frozenset({80, 443, listener.port})), resolve=resolve)
        forms = [f"{{s}}://{f'[{address}]' if ':' in address else address}:{{p}}/" for address in INSIDE] + ODD_URLS
        for form in forms:
            for scheme in ("http", "https"):
                with pytest.raises(OutboundRefused):
                    await client.request("POST", form.format(s=scheme, p=listener.port), Ask(body=b"x"))
        for address in INSIDE:
            for case in ([address], ["1.1.1.1", address], [address, "1.1.1.1"]):
                answer[:] = case
                with pytest.raises(OutboundRefused, match="private or reserved"):
                    await client.request("POST", f"http://hook.example:{listener.port}/")
        assert listener.connections == 0
    assert len(set(forms)) >= 120


async def test_a_thousand_rebinding_answers_make_no_connection_inside() -> None:
    # 127.0.0.2 plays the public address: it alone is allowed. The name says one thing first and another at the next question.
    outcomes: dict[str, int] = {"reached": 0, "refused": 0}
    async with listening(host="127.0.0.1") as inside, listening(host="127.0.0.2") as outside:
        policy = OutboundPolicy(networks=(ip_network("127.0.0.2/32"),))
        turns = [["127.0.0.2"], ["127.0.0.1"], ["127.0.0.2", "127.0.0.1"], ["127.0.0.1", "127.0.0.2"]]
        client = OutboundClient(policy, resolve=answering(*(turns * 250), ["127.0.0.1"]))
        for _ in range(1000):
            port = outside.port
            try:
                await client.request("POST", f"http://rebind.example:{port}/")
            except OutboundRefused:
                outcomes["refused"] += 1
            else:
                outcomes["reached"] += 1
        assert inside.connections == 0
        assert outcomes == {"reached": 250, "refused": 750}
        assert outside.connections == 250


async def test_the_name_is_resolved_once_for_each_request() -> None:
    asked: list[str] = []

    async def resolve(host: str, port: int) -> Sequence[str]:
        del port
        asked.append(host)
        return ["127.0.0.1"]

    async with listening() as listener:
        client = OutboundClient(LOOPBACK, resolve=resolve)
        reply = await client.request("GET", f"http://hook.example:{listener.port}/path?q=1")
        assert (reply.status, reply.body, asked) == (200, b"ok", ["hook.example"])
        head = listener.heads[0].decode()
        assert head.startswith("GET /path?q=1 HTTP/1.1\r\n")
        assert f"Host: hook.example:{listener.port}" in head


async def test_proxies_and_credentials_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening() as proxy, listening() as listener:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        client = OutboundClient(LOOPBACK)
        await client.request("GET", f"http://127.0.0.1:{listener.port}/")
        assert (proxy.connections, listener.connections) == (0, 1)


def redirect(to: str, status: int = 302) -> bytes:
    return f"HTTP/1.1 {status} Moved\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_an_answer_and_is_not_followed(status: int) -> None:
    async with listening() as inside, listening(redirect(f"http://127.0.0.1:{inside.port}/", status)) as listener:
        reply = await OutboundClient(LOOPBACK).request("POST", f"http://127.0.0.1:{listener.port}/")
        assert (reply.status, inside.connections) == (status, 0)


async def test_a_followed_redirect_is_checked_anew_and_loses_credentials() -> None:
    policy = OutboundPolicy(networks=(ip_network("127.0.0.2/32"),))
    async with listening(host="127.0.0.2") as end, listening(host="127.0.0.1") as inside:
        for goal, reached in ((f"http://127.0.0.2:{end.port}/", True), (f"http://127.0.0.1:{inside.port}/", False)):
            async with listening(redirect(goal), host="127.0.0.2") as start:
                ask = Ask(headers={"Authorization": "Bearer canary"}, redirects=3)
                url = f"http://127.0.0.2:{start.port}/"
                if reached:
                    assert (await OutboundClient(policy).request("GET", url, ask)).body == b"ok"
                    assert b"canary" in start.heads[0]
                    assert b"canary" not in end.heads[0]
                else:
                    with pytest.raises(OutboundRefused, match="private or reserved"):
                        await OutboundClient(policy).request("GET", url, ask)
        assert inside.connections == 0


async def test_redirects_end_after_the_hops_asked_for() -> None:
    async with listening(redirect("/again")) as listener:
        reply = await OutboundClient(LOOPBACK).request("GET", f"http://127.0.0.1:{listener.port}/", Ask(redirects=3))
        assert (reply.status, listener.connections) == (302, 4)


async def test_a_reply_beyond_the_cap_is_cut_and_said_to_be() -> None:
    sent = 0

    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()
            sent += 65536

    async with listening(flood) as listener:
        reply = await OutboundClient(LOOPBACK).request("POST", f"http://127.0.0.1:{listener.port}/")
    assert (reply.status, len(reply.body), reply.truncated) == (200, 65536, True)
    assert sent < 64 * 1024 * 1024


async def test_a_reply_in_gzip_is_unpacked_within_the_cap() -> None:
    def packed(size: int) -> bytes:
        body = gzip.compress(b"a" * size)
        return (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
            + body
        )

    for size, truncated in ((1000, False), (50_000_000, True)):
        async with listening(packed(size)) as listener:
            reply = await OutboundClient(LOOPBACK).request(
                "GET", f"http://127.0.0.1:{listener.port}/", Ask(max_reply=2000)
            )
            assert (len(reply.body), reply.truncated) == (min(size, 2000), truncated)


async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)


async def endless_head(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-Pad: " + b"x" * 4000 + b"\r\n")
        await writer.drain()


@pytest.mark.parametrize("handler", [hang, drip])
async def test_a_reply_that_does_not_come_whole_ends_at_the_deadline(handler: Handler) -> None:
    async with listening(handler) as listener:
        with pytest.raises(OutboundFailed, match="no whole reply") as caught:
            await OutboundClient(LOOPBACK).request("GET", f"http://127.0.0.1:{listener.port}/", Ask(deadline_s=0.3))
        assert caught.value.kind == "timeout"


async def test_a_resolver_that_hangs_ends_at_the_deadline() -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        del host, port
        await asyncio.Event().wait()
        return []

    with pytest.raises(OutboundFailed) as caught:
        await OutboundClient(LOOPBACK, resolve=resolve).request("GET", "https://slow.example/", Ask(deadline_s=0.2))
    assert caught.value.kind == "timeout"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"", "cut"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "cut"),
        (b"SSH-2.0-OpenSSH_9\r\n\r\n", "reply"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "cut|reply"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", "reply"),
        (endless_head, "reply"),
    ],
)
async def test_a_broken_reply_is_a_failure_of_the_other_side(answer: bytes | Handler, kind: str) -> None:
    async with listening(answer) as listener:
        with pytest.raises(OutboundFailed) as caught:
            await OutboundClient(LOOPBACK).request("GET", f"http://127.0.0.1:{listener.port}/", Ask(deadline_s=5))
        assert caught.value.kind in kind.split("|")


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH_9\r\n\r\n", b"HTTP/1.1 9999 No\r\n\r\n", endless_head, hang])
async def test_no_failure_repeats_the_path_or_query_of_a_url_for_they_may_be_secret(answer: bytes | Handler) -> None:
    async with listening(answer) as listener:
        url = f"http://127.0.0.1:{listener.port}/services/canary?sig=canary"
        with pytest.raises(OutboundFailed) as caught:
            await OutboundClient(LOOPBACK).request("POST", url, Ask(deadline_s=1))
        assert "canary" not in caught.value.detail
    with pytest.raises(OutboundFailed) as caught:
        await OutboundClient(LOOPBACK).request("POST", url)
    assert "canary" not in caught.value.detail


async def test_names_that_are_not_found_and_ports_that_are_shut_are_failures_and_no_refusals() -> None:
    async def missing(host: str, port: int) -> Sequence[str]:
        del host, port
        raise OSError("Name or service not known")

    with pytest.raises(OutboundFailed) as caught:
        await OutboundClient(LOOPBACK, resolve=missing).request("GET", "https://gone.example/")
    assert caught.value.kind == "dns"
    async with listening() as listener:
        port = listener.port
    with pytest.raises(OutboundFailed) as caught:
        await OutboundClient(LOOPBACK).request("GET", f"http://127.0.0.1:{port}/")
    assert caught.value.kind == "connect"


@pytest.mark.parametrize(("identity", "works"), [("hook.example", True), ("other.example", False)])
async def test_tls_is_verified_against_the_name_and_not_the_address(identity: str, works: bool) -> None:
    authority = trustme.CA()
    server, ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    authority.issue_cert(identity).configure_cert(server)
    authority.configure_trust(ours)
    names: list[str | None] = []
    server.sni_callback = lambda _socket, name, _context: names.append(name)
    async with listening(tls=server) as listener:
        client = OutboundClient(LOOPBACK, tls=ours, resolve=answering(["127.0.0.1"]))
        url = f"https://hook.example:{listener.port}/"
        if works:
            assert (await client.request("GET", url)).status == 200
        else:
            with pytest.raises(OutboundFailed) as caught:
                await client.request("GET", url)
            assert caught.value.kind == "tls"
        assert names == ["hook.example"]


async def test_a_certificate_of_nobody_is_refused_as_tls() -> None:
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("hook.example").configure_cert(server)
    async with listening(tls=server) as listener:
        with pytest.raises(OutboundFailed) as caught:
            await OutboundClient(LOOPBACK, resolve=answering(["127.0.0.1"])).request(
                "GET", f"https://hook.example:{listener.port}/"
            )
        assert caught.value.kind == "tls"


async def test_an_open_session_reaches_its_own_host_alone() -> None:
    async with listening() as own, listening() as other:
        client = OutboundClient(LOOPBACK, resolve=answering(["127.0.0.1"]))
        async with client.session(f"http://stream.example:{own.port}/") as session:
            async with session.get(f"http://stream.example:{own.port}/") as response:
                assert await response.read() == b"ok"
            with pytest.raises(OutboundRefused, match="not the host that was checked"):
                await session.get(f"http://other.example:{other.port}/")
            with pytest.raises(OutboundRefused, match="not an address that was checked"):
                await session.get(f"http://127.0.0.3:{other.port}/")
        assert other.connections == 0


async def test_check_tells_without_connecting_whether_a_url_could_be_called() -> None:
    async with listening() as listener:
        client = OutboundClient(LOOPBACK, resolve=answering(["127.0.0.1"], ["10.0.0.1"]))
        url = f"http://hook.example:{listener.port}/"
        assert (await client.check(url)).host == "hook.example"
        with pytest.raises(OutboundRefused, match=r"10\.0\.0\.1"):
            await client.check(url)
        assert listener.connections == 0


def test_the_table_holds_only_addresses_that_are_written_right() -> None:
    assert len({ip_address(address) for address in INSIDE}) == len(INSIDE)
