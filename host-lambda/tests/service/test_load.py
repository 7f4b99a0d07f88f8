"""Under load. LOAD_SECONDS makes the first test longer than what the test command has time for: 120 for a recorded run."""

from __future__ import annotations

import asyncio
import os
import socket
import statistics
import threading
import time

from conftest import FORM, Served, expected_counts, resident_bytes, send, serve

CLIENTS = 64
SECONDS = float(os.environ.get("LOAD_SECONDS", "12"))
GROWTH_BYTES = 64 * 1024 * 1024  # what may lie between two moments, with pages worked on at both


def request(body: bytes) -> bytes:
    head = f"POST /predict HTTP/1.1\r\nHost: test\r\nContent-Type: image/png\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


async def client(address: tuple[str, int], until: float, times: list[float], answers: set[bytes]) -> None:
    while time.monotonic() < until:
        start = time.monotonic()
        reader, writer = await asyncio.open_connection(*address)
        writer.write(request(FORM))
        await writer.drain()
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        assert head.startswith(b"HTTP/1.1 200"), head
        answers.add(body)
        times.append(time.monotonic() - start)


async def load(served: Served, seconds: float) -> tuple[list[float], set[bytes], list[int]]:
    host, port = served.url.removeprefix("http://").split(":")
    times: list[float] = []
    answers: set[bytes] = set()
    memory: list[int] = []
    until = time.monotonic() + seconds

    async def watch() -> None:
        while time.monotonic() < until:
            await asyncio.sleep(seconds / 40)
            memory.append(resident_bytes(served.process.pid))

    await asyncio.gather(watch(), *(client((host, int(port)), until, times, answers) for _ in range(CLIENTS)))
    return times, answers, memory


def test_64_clients_are_served_without_error_and_without_growth() -> None:
    with serve() as served:
        alone = statistics.median(_timed(served) for _ in range(5))
        start = time.monotonic()
        times, answers, memory = asyncio.run(load(served, SECONDS))
        taken = time.monotonic() - start  # the last requests are answered after the time for asking is over
        assert len(answers) == 1, "the same picture, different answers"
        rate = len(times) / taken
        first, last = max(memory[: len(memory) // 4]), max(memory[-len(memory) // 4 :])
        print(
            f"{CLIENTS} clients for {taken:.0f} s: {len(times)} pages, {rate:.1f} a second (one alone {1 / alone:.1f}), "
            f"median {statistics.median(times):.2f} s; memory at most {first / 1e6:.0f} MB in the first quarter, {last / 1e6:.0f} MB in the last"
        )
        assert rate > 0.8 / alone, "slower than one client alone"
        assert last < first + GROWTH_BYTES


def _timed(served: Served) -> float:
    start = time.monotonic()
    answer = send(f"{served.url}/predict", FORM, {"Content-Type": "image/png"})
    found = answer.json()["counts"]
    assert (found["empty_checkbox"], found["filled_checkbox"]) == expected_counts()
    return time.monotonic() - start


def test_clients_that_hang_dribble_or_leave_cost_the_others_nothing() -> None:
    with serve() as served:
        host, port = served.url.removeprefix("http://").split(":")
        address = host, int(port)
        alone = statistics.median(_timed(served) for _ in range(5))
        before = resident_bytes(served.process.pid)
        stop = threading.Event()
        sockets = []
        for i in range(150):
            s = socket.create_connection(address)
            sockets.append(s)
            if i % 3 == 0:
                continue  # says nothing
            if i % 3 == 1:
                s.sendall(request(FORM)[:400])  # stops in the middle
            else:
                s.sendall(request(FORM))  # leaves before the answer
                s.close()

        def dribble() -> None:
            s = socket.create_connection(address)
            for byte in request(FORM):
                if stop.wait(0.02):
                    break
                s.sendall(bytes([byte]))
            s.close()

        threads = [threading.Thread(target=dribble) for _ in range(10)]
        for thread in threads:
            thread.start()
        # Those who left had their pictures in the queue: what was begun is ended, the rest is not begun.
        deadline = time.monotonic() + 20
        beside = [_timed(served)]
        while len(beside) < 5 or (statistics.median(beside[-5:]) > 2 * alone and time.monotonic() < deadline):
            beside.append(_timed(served))
        print(
            f"one page: {alone * 1e3:.0f} ms alone, {statistics.median(beside[-5:]) * 1e3:.0f} ms beside 110 bad clients, "
            f"the first {beside[0] * 1e3:.0f} ms; memory from {before / 1e6:.0f} to {resident_bytes(served.process.pid) / 1e6:.0f} MB"
        )
        assert statistics.median(beside[-5:]) < 2 * alone
        assert beside[0] < 10
        stop.set()
        for thread in threads:
            thread.join()
        for s in sockets:
            s.close()
        assert resident_bytes(served.process.pid) < before + GROWTH_BYTES
