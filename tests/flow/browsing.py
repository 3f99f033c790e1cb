"""A person's browser as far as cookies go: what an answer sets is sent with the next request."""

import httpx2


async def visit(client: httpx2.AsyncClient, cookies: dict[str, str], path: str) -> httpx2.Response:
    """The answer; ``cookies`` are as it leaves them. No redirect is followed."""
    cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
    response = await client.get(path, headers={"cookie": cookie} if cookie else {})
    for line in response.headers.get_list("set-cookie"):
        name, _, value = line.partition(";")[0].partition("=")
        cookies[name] = value
        if "Max-Age=0" in line:
            del cookies[name]
    return response
