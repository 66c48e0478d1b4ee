"""Load on an HTTP server from a process of its own: wrk where it is installed, else the client below."""

import asyncio
import itertools
import json
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from .lives import BrokenBenchError

_SCRIPT = Path(__file__).with_name("load.lua")


@dataclass(frozen=True, slots=True)
class Load:
    """What clients saw of a server that they asked as often as they could. Latencies are in milliseconds."""

    client: str
    connections: int
    seconds: float
    requests: int
    failed: int  # not answered with 200, or not at all
    p50: float
    p99: float
    longest: float
    bytes_per_answer: int

    @property
    def per_second(self) -> float:
        """Answers of status 200 in a second."""
        return (self.requests - self.failed) / self.seconds


def press(
    url: str, requests: Path, connections: int, seconds: int | None, *, method: str = "GET", client: str | None = None
) -> Load:
    """Ask ``url`` over connections that stay open, each asking again as soon as it was answered.

    Args:
        url: The server, without a path.
        requests: A file with one request per line: a path to be gotten, or a body to be posted to ``/v1/report``.
        connections: How many.
        seconds: How long; None: until every request was made once, which only the client below can.
        method: GET or POST.
        client: ``wrk`` or ``python``; default: whichever there is.
    """
    client = client or ("wrk" if seconds and shutil.which("wrk") else "python")
    if client == "wrk":
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", str(_SCRIPT), url, "--",
                   method, str(requests)]  # fmt: skip
    else:
        command = [sys.executable, "-m", "bench.load", url, method, str(requests), str(connections), str(seconds or 0)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=_SCRIPT.parent.parent)
    found = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not found:
        raise BrokenBenchError(f"{client} failed: {done.stderr or done.stdout}")
    return Load(client=client, connections=connections, **json.loads(found[-1]))


async def _press(url: str, method: str, lines: list[bytes], connections: int, seconds: float) -> dict[str, float]:
    host, _, port = url.removeprefix("http://").partition(":")
    head = f" HTTP/1.1\r\nHost: {host}\r\n".encode()
    asked = [
        b"GET " + line + head + b"\r\n" if method == "GET"
        else b"POST /v1/report" + head + b"Content-Length: %d\r\n\r\n" % len(line) + line
        for line in lines
    ]  # fmt: skip
    began = time.perf_counter()
    talks = [
        _talk(host, int(port), asked[start::connections], began + seconds if seconds else None)
        for start in range(min(connections, len(asked)))
    ]
    found = await asyncio.gather(*talks)
    took = time.perf_counter() - began
    latencies = sorted(one for latencies, _, _ in found for one in latencies)
    answered = len(latencies)
    return {
        "seconds": took,
        "requests": answered,
        "failed": sum(failed for _, failed, _ in found),
        "p50": 1000 * latencies[answered // 2],
        "p99": 1000 * latencies[answered * 99 // 100],
        "longest": 1000 * latencies[-1],
        "bytes_per_answer": sum(size for _, _, size in found) // answered,
    }


async def _talk(host: str, port: int, asked: list[bytes], until: float | None) -> tuple[list[float], int, int]:
    """One connection, until a moment or through its requests once: latencies in seconds, failures, bytes read."""
    reader, writer = await asyncio.open_connection(host, port)
    latencies: list[float] = []
    failed = size = 0
    for request in asked if until is None else itertools.cycle(asked):
        began = time.perf_counter()
        if until is not None and began >= until:
            break
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        latencies.append(time.perf_counter() - began)
        failed += not head.startswith(b"HTTP/1.1 200")
        size += len(head) + length
    writer.close()
    return latencies, failed, size


def main(url: str, method: str, requests: str, connections: str, seconds: str) -> None:
    """Print one line of JSON, as ``load.lua`` does."""
    import uvloop

    lines = Path(requests).read_bytes().splitlines()
    print(json.dumps(uvloop.run(_press(url, method, lines, int(connections), float(seconds)))))


if __name__ == "__main__":
    main(*sys.argv[1:])
