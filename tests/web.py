"""Requests of tests to their own servers on loopback, without the environment's proxies. A client of httpx2 reads the
certificate store when it is made, which takes 40 ms of processor time; nothing here goes over TLS, so these read none."""

from functools import partial

import httpx2

PLAIN = httpx2.create_ssl_context(verify=False)
HOW = {"verify": PLAIN, "trust_env": False, "timeout": 60.0}
"""What a client of a test's own server is made with."""
get, post, put = (partial(each, **HOW) for each in (httpx2.get, httpx2.post, httpx2.put))
request = partial(httpx2.request, **HOW)
