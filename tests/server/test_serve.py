"""The real thing: uvicorn on loopback, and clients that behave or do not."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from ipaddress import ip_network

import httpx
import pytest

from reconciler.server import serve
from reconciler.server.auth import ClientAddress
from reconciler.server.doors import Doors, shares_of
from reconciler.server.serve import Server

from ..limits import files_allowed
from ..waiting import LONG, becomes
from .worlds import World, body, observation_of

pytestmark = pytest.mark.waits

# The world trusts 127.0.0.8/29, so a client says which loopback address it comes from.
MACHINE = "127.0.0.9"
ASKED = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.fixture
async def port(world: World) -> AsyncIterator[int]:
    server = Server(world.app, [("127.0.0.1", 0)], Doors(ours=is_ours))
    [(_, bound)] = await server.start()
    yield bound
    await server.stop()


def is_ours(address: ClientAddress) -> bool:
    return address in ip_network("127.0.0.8/29")


def client_from(address: str, port: int) -> httpx.AsyncClient:
    transport = httpx.AsyncHTTPTransport(local_address=address, limits=httpx.Limits(max_connections=600))
    return httpx.AsyncClient(transport=transport, base_url=f"http://127.0.0.1:{port}", timeout=None)


async def talk(port: int, sent: bytes, *, source: str = MACHINE) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
    writer.write(sent)
    await writer.drain()
    try:
        return await asyncio.wait_for(reader.read(), LONG)
    except ConnectionResetError:
        return b""
    finally:
        writer.transport.abort()


async def test_a_report_and_classes_over_a_real_connection(world: World, port: int) -> None:
    async with client_from(MACHINE, port) as machine:
        assert (await machine.post("/oci/report.php", content=body())).content == b"Ok"
        assert (await machine.get("/oci/install-status.php?status=live&chassis-serial=7XK9Z01")).status_code == 200
        refused = await machine.get("/v1/enc/n1.example.com")
        assert refused.status_code == 403
        assert "server" not in refused.headers
    assert {word.address for word in world.store.words} == {MACHINE}
    async with client_from("127.0.0.1", port) as here:
        assert (await here.post("/v1/report", content=body())).status_code == 403, "loopback is not a trusted network"


async def test_an_answer_is_sent_without_waiting_for_the_client_to_acknowledge_its_head(world: World) -> None:
    server = Server(world.app, [("127.0.0.1", 0)])
    [(_, port)] = await server.start()
    async with client_from(MACHINE, port) as machine:
        await machine.get("/healthz")
        [connection] = server._server.server_state.connections
        accepted = connection.transport.get_extra_info("socket")
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    await server.stop()


@pytest.mark.lengthy
async def test_five_hundred_machines_at_once_are_all_heard(world: World, port: int) -> None:
    async with client_from(MACHINE, port) as machines:
        answers = await asyncio.gather(
            *(machines.post("/v1/report", content=body(f"M{i}")) for i in range(500)), return_exceptions=True
        )
    assert {getattr(answer, "content", answer) for answer in answers} == {b"Ok"}
    assert {word.serial for word in world.store.words} == {f"M{i}" for i in range(500)}
    assert world.store.batches < 250


async def test_a_long_body_is_refused_before_it_is_sent(world: World, port: int) -> None:
    head = b"POST /v1/report HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 99999999999\r\n\r\n"
    answer = await talk(port, head)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"100 Continue" not in answer
    assert world.store.is_untouched


async def test_a_client_that_never_finishes_its_headers_is_let_go(
    world: World, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "HEAD_SECONDS", 0.1)
    for begun in (b"", b"GET / HTTP/1.1\r\nHost: x\r\n", b"GET /v1/enc/"):
        assert await talk(port, begun) == b""


async def test_endless_headers_are_cut_off(port: int) -> None:
    flood = b"GET / HTTP/1.1\r\n" + b"X-A: " + b"y" * 4 * serve.MAX_HEAD
    assert await talk(port, flood) == b""


@pytest.mark.parametrize(
    "sent",
    [b"\0\0\0\0\r\n\r\n", b"GET /\xff HTTP/1.1\r\n\r\n", b"FOO / HTTP/9.9\r\n\r\n", b"GET http:// HTTP/1.1\r\n\r\n"],
)
async def test_what_is_not_http_gets_a_400_and_harms_nobody(world: World, port: int, sent: bytes) -> None:
    assert b"200 OK" not in await talk(port, sent)
    async with client_from("127.0.0.1", port) as here:
        assert (await here.get("/healthz")).status_code == 200


async def test_a_slow_client_does_not_keep_others_waiting(world: World, port: int) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(MACHINE, 0))
    writer.write(b"POST /v1/report HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\n{")
    await writer.drain()
    async with client_from(MACHINE, port) as machine:
        assert (await machine.post("/v1/report", content=body())).content == b"Ok"
    writer.close()
    await writer.wait_closed()
    assert len(world.store.words) == 1


async def test_several_addresses_and_a_port_of_the_systems_choice(world: World) -> None:
    server = Server(world.app, [("127.0.0.1", 0), ("127.0.0.2", 0), ("::1", 0)])
    listening = await server.start()
    assert [address for address, _ in listening] == ["127.0.0.1", "127.0.0.2", "::1"]
    for address, port in listening:
        host = f"[{address}]" if ":" in address else address
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"http://{host}:{port}/healthz")).text == "ok\n"
    await server.stop()
    with socket.socket() as probe:
        assert probe.connect_ex(listening[0]) != 0


async def test_everywhere_is_over_ipv4_too(world: World) -> None:
    server = Server(world.app, [("::", 0)])
    [(_, port)] = await server.start()
    async with client_from(MACHINE, port) as machine:
        assert (await machine.post("/v1/report", content=body())).content == b"Ok"
    await server.stop()


@pytest.mark.parametrize(("source", "status"), [(MACHINE, 413), ("127.0.0.1", 403)])
async def test_who_sends_far_too_much_still_reads_why_it_was_refused(port: int, source: str, status: int) -> None:
    async with client_from(source, port) as client:
        assert (await client.post("/v1/report", content=b"x" * 10_000_000)).status_code == status


async def test_an_address_in_use_is_named(world: World, port: int) -> None:
    with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1 port {port}"):
        await Server(world.app, [("127.0.0.1", 0), ("127.0.0.1", port)]).start()


async def test_a_stop_lets_the_running_request_finish(world: World) -> None:
    server = Server(world.app, [("127.0.0.1", 0)])
    [(_, port)] = await server.start()
    world.store.gate.clear()
    async with client_from(MACHINE, port) as machine:
        spoken = asyncio.create_task(machine.post("/v1/report", content=body()))
        await becomes("it is queued", lambda: world.ingest._known)
        stopping = asyncio.create_task(server.stop())
        await asyncio.sleep(0.1)
        world.store.gate.set()
        assert (await spoken).content == b"Ok"
        await stopping


async def test_a_body_that_never_ends_is_given_up_wherever_it_is_sent(
    world: World, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "WHOLE_SECONDS", 0.1)
    head = b"POST /v1/pause HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"
    assert b"200 OK" not in await talk(port, head, source="127.0.0.1")


async def test_a_client_that_takes_nothing_of_a_long_answer_is_let_go(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "STUCK_SECONDS", 0.1)
    world.observed = observation_of(4_000)  # 9 MB: more than the kernel keeps for who takes nothing
    doors = Doors()
    server = Server(world.app, [("127.0.0.1", 0)], doors)
    [(_, port)] = await server.start()
    with socket.socket() as slow:
        slow.setblocking(False)
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(slow, ("127.0.0.1", port))
        await loop.sock_sendall(slow, b"GET /v1/observation HTTP/1.1\r\nHost: localhost\r\n\r\n")
        begun = await loop.sock_recv(slow, 64)
        assert begun.startswith(b"HTTP/1.1 200 ")
        await becomes("it is let go", lambda: not doors.open)
    async with client_from("127.0.0.1", port) as quick:
        assert len((await quick.get("/v1/observation")).content) > 9_000_000, "who takes it is given all of it"
    await server.stop()


async def half_open(port: int, source: str) -> socket.socket:
    """A connection that has begun to ask, and will not go on."""
    connection = socket.socket()
    connection.setblocking(False)
    connection.bind((source, 0))
    loop = asyncio.get_running_loop()
    await loop.sock_connect(connection, ("127.0.0.1", port))
    with contextlib.suppress(OSError):  # it may have been closed already
        await loop.sock_sendall(connection, b"POST /v1/report HTTP/1.1\r\nHost: 127.0.0.1\r\n")
    return connection


def is_open(connection: socket.socket) -> bool:
    """Whether the server has not closed a connection yet, on which it says nothing."""
    try:
        return connection.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return True
    except ConnectionResetError:
        return False


async def kept(connections: list[socket.socket], most: int) -> list[bool]:
    """Which of them the server keeps, once it has closed all but so many."""
    await becomes("the others are closed", lambda: sum(map(is_open, connections)) <= most)
    return [is_open(one) for one in connections]


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server, which gives up nobody while a busy machine makes all the connections of a test."""
    for seconds in ("HEAD_SECONDS", "WHOLE_SECONDS"):
        monkeypatch.setattr(serve, seconds, LONG)


@pytest.mark.usefixtures("patient")
async def test_strangers_that_never_finish_asking_leave_room_for_everybody_else(world: World, port: int) -> None:
    with files_allowed(1024):  # as most systems have it; the strangers of this test are in the same process
        shares = shares_of(1024)
        strangers = [await half_open(port, f"127.99.{i // 250}.{i % 250 + 1}") for i in range(2 * shares.strangers)]
        first = [n < shares.strangers for n in range(len(strangers))]
        assert await kept(strangers, shares.strangers) == first, "those who came first"
        async with client_from(MACHINE, port) as machine:
            assert (await machine.post("/v1/report", content=body())).content == b"Ok"
        async with client_from("127.0.0.1", port) as here:
            assert (await here.get("/healthz")).status_code == 200
        for one in strangers:
            one.close()


@pytest.mark.usefixtures("patient")
async def test_one_stranger_has_a_small_share_and_gets_it_again_when_it_has_left(world: World) -> None:
    turned_away: list[None] = []
    doors = Doors(ours=is_ours, refused=lambda: turned_away.append(None))
    server = Server(world.app, [("127.0.0.1", 0)], doors)
    [(_, port)] = await server.start()
    most = shares_of(20_000).from_a_stranger
    connections = [await half_open(port, "127.99.0.1") for _ in range(most + 5)]
    assert sum(await kept(connections, most)) == most
    assert len(turned_away) == 5
    for one in connections:
        one.close()
    await becomes("all doors are closed", lambda: not doors.open)
    assert (await talk(port, ASKED, source="127.99.0.1")).startswith(b"HTTP/1.1 200 ")
    await server.stop()


async def test_a_server_whose_files_ran_out_answers_again_once_there_are_some(world: World, port: int) -> None:
    taken = []
    with files_allowed(200):
        with contextlib.suppress(OSError):
            while True:
                taken.append(socket.socket())
        taken.pop().close()
        refused = asyncio.create_task(asyncio.open_connection("127.0.0.1", port, local_addr=(MACHINE, 0)))
        await asyncio.wait([refused], timeout=1.5)  # asyncio tries to accept again each second
        for one in taken:
            one.close()
    with contextlib.suppress(OSError):
        async with asyncio.timeout(LONG):
            _, writer = await refused
            writer.close()
            await writer.wait_closed()
    async with client_from("127.0.0.1", port) as here:
        assert (await here.get("/healthz")).status_code == 200
