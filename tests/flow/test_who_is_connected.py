"""Who asks is who is connected: that is what the audit log keeps."""

import asyncio
import json
from typing import Any

import httpx2

from gateway.processes import server


async def told(scope: Any, receive: Any, send: Any) -> None:
    body = json.dumps([scope["client"][0], scope["scheme"]]).encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


def test_whatever_a_request_says_of_itself() -> None:
    async def act() -> Any:
        listening = server.bind(0)
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        headers = {"x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https"}
        async with server.Server(told, [listening]).running(), httpx2.AsyncClient() as client:
            return (await client.get(address, headers=headers)).json()

    assert asyncio.run(act()) == ["127.0.0.1", "http"]
