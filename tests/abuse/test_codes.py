"""Authorization codes used twice, by others, or without their verifier; redirects to where nobody registered."""

from typing import Any

from tests.abuse import holes_of_sign_in
from tests.abuse.sign_in import (
    CALLBACK,
    NARROW,
    answered,
    client,
    code,
    launch,
    redeem,
    register,
    request,
    verifier,
)
from tests.abuse.target import Target


def _opens(target: Target, bearer: str) -> bool:
    return target.fhir("GET", target.chart.ref("Patient/p1"), bearer).status == 200


def codes(target: Target) -> list[str]:
    form = code(target, NARROW)
    first = redeem(target, form)
    target.expect(first.status == 200 and _opens(target, first.json["access_token"]), "a code is not redeemed")
    target.refused(redeem(target, form), "a code used twice", 400)
    target.expect(not _opens(target, first.json["access_token"]), "a code used twice leaves its token in force")
    form = code(target, NARROW)
    at_once = target.together(*(target.send("POST", "/auth/token", form=form) for _ in range(8)))
    given = [reply for reply in at_once if reply.status == 200]
    target.expect(len(given) <= 1, f"{len(given)} of 8 had the code at the same time")
    target.expect(
        not any(_opens(target, reply.json["access_token"]) for reply in given), "a race leaves a token in force"
    )
    for change in (
        {"client_id": client(target, "other")["client_id"]}, {"redirect_uri": f"{CALLBACK}/"}, {"redirect_uri": None}, {"redirect_uri": ""},
        {"code": None}, {"code": ""}, {"code": "x" * 32}, {"grant_type": "implicit"}, {"grant_type": None}, {"grant_type": "password"}, {"client_id": None},
    ):  # fmt: skip
        form = code(target, NARROW)
        sent = {name: value for name, value in {**form, **change}.items() if value is not None}
        target.refused(target.ask("POST", "/auth/token", form=sent), f"a code with {change}", 400, 401)
    form = code(target, NARROW)
    twice = [*form.items(), ("code", form["code"])]
    target.refused(target.ask("POST", "/auth/token", form=twice), "a code given twice", 400)
    target.refused(target.ask("GET", "/auth/token", query=form), "a code in an address")
    with target.clock.later(61):
        target.refused(redeem(target, form), "a code after a minute", 400)
    return target.problems


def test_b01_a_code_is_for_one_client_once(target: Target) -> None:
    assert codes(target) == []


def test_b01_twin_that_forgets_which_codes_were_used(holed: Any) -> None:
    problems = codes(holed(holes_of_sign_in.codes_are_not_used_up))
    assert any("used twice" in each for each in problems)
    assert any("of 8" in each for each in problems)


def verifiers(target: Target) -> list[str]:
    made, challenge = verifier()
    for what, sent in (("none", None), ("empty", ""), ("short", made[:42]), ("long", made + "x" * 100), ("another", verifier()[0]),
                       ("with a newline", "\n"), ("in capitals", "upper"), ("the challenge itself", "plain")):  # fmt: skip
        form = code(target, NARROW)
        right = form.pop("code_verifier")
        said = {"\n": right + "\n", "upper": right.swapcase(), "plain": challenge}.get(sent or "", sent)
        target.refused(
            redeem(target, form if said is None else {**form, "code_verifier": said}), f"a verifier that is {what}", 400
        )
    for change in (
        {"code_challenge": None}, {"code_challenge_method": None}, {"code_challenge_method": "plain"}, {"code_challenge_method": "s256"},
        {"code_challenge": "", "code_challenge_method": "S256"}, {"code_challenge": challenge[:42]}, {"code_challenge": challenge + "A"},
        {"code_challenge": made, "code_challenge_method": "plain"}, {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge": challenge + "="}, {"code_challenge": challenge[:-1] + "+"}, {"state": None}, {"state": ""}, {"scope": None},
        {"aud": None}, {"aud": ""}, {"aud": f"{target.ehr.fhir}/Patient"}, {"aud": target.ehr.fhir.upper()}, {"response_type": "token"},
        {"response_type": "code id_token"}, {"response_type": None}, {"response_mode": "fragment", "response_type": "id_token"},
    ):  # fmt: skip
        prepared = launch(target, "public", patient=target.chart.id("p1"))
        asked = request(target, "public", f"launch {NARROW}", challenge, launch=prepared, **change)
        for method, sent in (("GET", {"query": asked}), ("POST", {"form": asked})):
            reply = target.ask(method, "/auth/authorize", **sent)
            target.expect("code" not in answered(reply), f"a code for a request with {change}")
            target.expect(
                not reply.header("location") or "iss" in answered(reply), f"no issuer in the answer to {change}"
            )
    return target.problems


def test_b01_a_code_needs_the_verifier_of_its_challenge(target: Target) -> None:
    assert verifiers(target) == []


def test_b01_twin_that_takes_any_verifier(holed: Any) -> None:
    assert any("verifier" in each for each in verifiers(holed(holes_of_sign_in.any_verifier_will_do)))


LOOPBACK = "http://127.0.0.1:5000/cb"
REDIRECTS = (
    "https://app.example/callback/", "https://app.example/callback?x=1", "https://app.example/callback#x", "https://app.example/callback/../evil",
    "https://app.example/callback/%2e%2e/evil", "https://app.example/callbackevil", "https://app.example@evil.example/callback",
    "https://app.example:443/callback", "https://APP.example/callback", "HTTPS://app.example/callback", "http://app.example/callback",
    "https://app.example.evil.example/callback", "https://evil.example/https://app.example/callback", "//app.example/callback", "/callback", "callback",
    " https://app.example/callback", "https://app.example/callback ", "https://app.example/callback\r\nSet-Cookie: a=b", "https://app.example\\@evil.example/callback",
    "javascript:alert(1)", "data:text/html,x", "https://app.example//callback", "https://app.example/./callback", "https://app%2eexample/callback",
    "http://127.0.0.1:5001/cb", "http://localhost:5000/cb", "http://127.0.0.1:5000/cb/", "http://127.1:5000/cb", "", "https://app.example/callbac%6b", "https://app.example./callback",
)  # fmt: skip


def redirects(target: Target) -> list[str]:
    made = register(
        target,
        token_endpoint_auth_method="none",
        grant_types=["authorization_code"],
        redirect_uris=[CALLBACK, LOOPBACK],
    ).json
    target.registered["redirected"] = made
    for uri in REDIRECTS:
        for kind in ("code", "token", "nonsense"):
            prepared = launch(target, "redirected", patient=target.chart.id("p1"))
            asked = request(
                target,
                "redirected",
                f"launch {NARROW}",
                verifier()[1],
                launch=prepared,
                redirect_uri=uri,
                response_type=kind,
            )
            reply = target.ask("GET", "/auth/authorize", query=asked)
            target.refused(reply, f"{uri!r} with {kind}", 400)
            target.expect(not reply.header("location") and b"evil" not in reply.body, f"{uri!r} with {kind} leads on")
    asked = request(target, "redirected", f"launch {NARROW}", verifier()[1])
    for change in (
        {"client_id": "nobody"},
        {"client_id": None},
        {"redirect_uri": None},
        {"client_id": "nobody", "redirect_uri": "https://evil.example"},
    ):
        kept = {name: value for name, value in {**asked, **change}.items() if value is not None}
        reply = target.ask("GET", "/auth/authorize", query=kept)
        target.expect(reply.status == 400 and not reply.header("location"), f"{change} leads on")
    twice = [*asked.items(), ("redirect_uri", "https://evil.example/")]
    target.refused(target.ask("GET", "/auth/authorize", query=twice), "redirect_uri given twice", 400)
    for uri in ("javascript:alert(1)", "data:text/html,x", "https://app.example/cb#x", "https://u:p@app.example/cb", "http://app.example/cb", "ftp://app.example", "app:cb",
                "//app.example/cb", "https:///cb", "https://app.example/\r\nx", "vbscript:x", "file:///etc/passwd", "blob:https://app.example/x", "about:blank", ""):  # fmt: skip
        reply = register(
            target, token_endpoint_auth_method="none", grant_types=["authorization_code"], redirect_uris=[uri]
        )
        target.refused(reply, f"registration of {uri!r}", 400)
    return target.problems


def test_b05_a_redirect_goes_exactly_where_the_client_registered(target: Target) -> None:
    assert redirects(target) == []


def test_b05_twin_that_compares_the_beginning(holed: Any) -> None:
    problems = redirects(holed(holes_of_sign_in.redirects_are_compared_by_their_beginning))
    assert any("/callback/../evil" in each for each in problems)
