"""Launches that are somebody else's, pages that were overtaken, and forms that another site sends for a person."""

from typing import Any

from tests.abuse import holes_of_sign_in
from tests.abuse.browser import FOREIGN, OWN, Browser, Forms
from tests.abuse.sign_in import CALLBACK, NARROW, answered, client, launch, redeem, request, verifier
from tests.abuse.target import Reply, Target


def _authorize(target: Target, prepared: str | None, name: str = "public") -> Reply:
    return target.ask(
        "GET", "/auth/authorize", query=request(target, name, f"launch {NARROW}", verifier()[1], launch=prepared)
    )


def launches(target: Target) -> list[str]:
    one = {"patient": target.chart.id("p1")}
    for guess in ("guess", "", "0", "x" * 43, "%00", "' or 1=1 --", "../x", "eyJhbGciOiJub25lIn0.e30."):
        target.expect("code" not in answered(_authorize(target, guess)), f"launch {guess!r} was taken")
    used = launch(target, "public", **one)
    target.expect("code" in answered(_authorize(target, used)), "a launch is not taken")
    target.expect("code" not in answered(_authorize(target, used)), "a launch was taken twice")
    for name in ("other", "secret"):
        foreign = launch(target, "public", **one)
        target.expect(
            "code" not in answered(_authorize(target, foreign, name)), f"the launch of another client by {name}"
        )
    target.expect("code" in answered(_authorize(target, foreign)), "a stranger used the launch up")
    late = launch(target, "public", **one)
    with target.clock.later(301):
        target.expect("code" not in answered(_authorize(target, late)), "a launch after five minutes")
    raced = launch(target, "public", **one)
    asked = [request(target, "public", f"launch {NARROW}", verifier()[1], launch=raced) for _ in range(8)]
    given = [
        each
        for each in target.together(*(target.send("GET", "/auth/authorize", query=each) for each in asked))
        if "code" in answered(each)
    ]
    target.expect(len(given) == 1, f"{len(given)} of 8 had a launch at the same time")
    _, challenge = verifier()
    body = {
        "client_id": client(target, "public")["client_id"],
        "automatic": True,
        "standalone": True,
        "code_challenge": challenge,
        **one,
    }
    target.ask("POST", "/launch", document=body, type="application/json")
    for name, changed in (("other", challenge), ("public", verifier()[1])):
        reply = target.ask("GET", "/auth/authorize", query=request(target, name, NARROW, changed))
        target.expect("code" not in answered(reply), f"a standalone sign-in by {name} that was not prepared")
    for changes in (
        {"patient": "nobody"},
        {"patient": "../p2"},
        {**one, "encounter": target.chart.id("e2")},
        {**one, "user": "Practitioner/nobody"},
        {"client_id": "nobody"},
    ):
        said = {"client_id": body["client_id"], "automatic": True, **changes}
        target.refused(
            target.ask("POST", "/launch", document=said, type="application/json"), f"a launch for {changes}", 400
        )
    return target.problems


def test_b06_a_launch_is_for_one_client_once(target: Target) -> None:
    assert launches(target) == []


def test_b06_twin_that_leaves_a_launch_where_it_was(holed: Any) -> None:
    assert any("twice" in each for each in launches(holed(holes_of_sign_in.launches_are_not_used_up)))


def _patient(target: Target, reply: Reply, secret: str) -> str | None:
    """The patient that the app gets, when it gets a code."""
    said = answered(reply)
    form = {"grant_type": "authorization_code", "code": said.get("code", ""), "redirect_uri": CALLBACK, "code_verifier": secret,
            "client_id": client(target, "public")["client_id"]}  # fmt: skip
    return redeem(target, form).json.get("patient") if "code" in said else None


def swaps(target: Target) -> list[str]:
    """Two tabs of one browser, and pages that show what stands no more."""
    one, two = target.chart.id("p1"), target.chart.id("p2")
    person = Browser(target)
    page, secret = person.start()
    picker = person.sign_in(page)
    shown = person.submit(picker, "patient", patient=one)
    target.expect(bool(Forms(shown).holding("decision")), "there is no consent page")
    late = person.submit(picker, "patient", patient=two)
    target.refused(late, "a picker that was overtaken", 403)
    target.expect(
        _patient(target, person.submit(shown, "decision", decision="allow"), secret) == one,
        "what was shown is not what was allowed",
    )
    target.refused(person.submit(shown, "decision", decision="allow"), "a consent sent twice")
    person = Browser(target)
    page, secret = person.start()
    picker = person.sign_in(page)
    first = person.submit(picker, "patient", patient=one)
    again = person.follow(
        person.send("GET", f"/auth/sign-in?request={Forms(first).holding('decision').get('request', '')}")
    )
    second, _ = person.start(patient=two)
    consents = Forms(second).holding("decision")
    target.expect("token" in consents and second.status == 200, "the second tab shows no consent page")
    crossed = {**Forms(first).holding("decision"), "token": consents.get("token", ""), "decision": "allow"}
    target.refused(person.send("POST", "/auth/sign-in", form=crossed, headers=OWN), "the token of another tab", 403)
    crossed = {**consents, "request": Forms(first).holding("decision").get("request", ""), "decision": "allow"}
    target.refused(person.send("POST", "/auth/sign-in", form=crossed, headers=OWN), "the form of another tab", 403)
    target.expect(
        _patient(target, person.submit(again, "decision", decision="allow"), secret) == one, "tabs are mixed up"
    )
    return target.problems


def unlisted(target: Target) -> list[str]:
    """Somebody and something that the page did not offer."""
    chart = target.chart
    for patient in (
        "nobody",
        "",
        "../p2",
        f"{chart.id('p1')} x",
        chart.ref("Patient/p2"),
        f"{chart.id('p1')},{chart.id('p2')}",
        "*",
        "%00",
    ):
        person = Browser(target)
        page, _ = person.start()
        reply = person.submit(person.sign_in(page), "patient", patient=patient)
        target.refused(reply, f"patient {patient!r}", 400, 403)
    person = Browser(target)
    page, _ = person.start(scope=f"launch launch/encounter {NARROW}")
    chosen = person.submit(person.sign_in(page), "patient", patient=chart.id("p1"))
    target.refused(person.submit(chosen, "encounter", encounter=chart.id("e2")), "an encounter of p2", 400, 403)
    page, _ = (alone := Browser(target)).start(user=chart.ref("Practitioner/dr"), patient=chart.id("p1"))
    target.refused(alone.sign_in(page, "Practitioner/dr2"), "somebody else than the launch names", 403)
    page, _ = (alone := Browser(target)).start(patient=chart.id("p1"))
    target.refused(alone.sign_in(page, "Patient/p2"), "a patient for another patient", 403)
    page, secret = (person := Browser(target)).start(patient=chart.id("p1"))
    consent = person.sign_in(page)
    for fill in (
        {"scope-0": "patient/*.cruds"},
        {"scope-99": "patient/*.cruds"},
        {"scope-1": "system/*.cruds"},
        {"decision": "maybe"},
        {"decision": None},
    ):
        target.refused(
            person.submit(consent, "decision", **{"decision": "allow", **fill}), f"a consent with {fill}", 400, 403
        )
    stranger = Browser(target)
    fields = Forms(consent).holding("decision")
    target.refused(
        stranger.send("POST", "/auth/sign-in", form={**fields, "decision": "allow"}, headers=OWN),
        "a consent from another browser",
        400,
        403,
    )
    target.refused(
        stranger.send("GET", f"/auth/sign-in?request={fields.get('request', '')}"),
        "the page in another browser",
        400,
        403,
    )
    patient = _patient(target, person.submit(consent, "decision", decision="allow"), secret)
    target.expect(patient == chart.id("p1"), "the person itself cannot allow")
    return target.problems


def test_b06_a_page_decides_what_it_showed(target: Target) -> None:
    assert swaps(target) == []


def test_b06_only_what_a_page_lists_is_chosen(target: Target) -> None:
    assert unlisted(target) == []


def test_b06_twin_that_binds_a_form_to_the_browser_only(holed: Any) -> None:
    assert swaps(holed(holes_of_sign_in.forms_are_bound_to_nothing)) != []


def test_b06_twin_that_lets_anybody_sign_in_for_anybody(holed: Any) -> None:
    assert any("somebody else" in each for each in unlisted(holed(holes_of_sign_in.anybody_signs_in)))


def cross_site(target: Target) -> list[str]:
    person = Browser(target)
    page, _ = person.start(patient=target.chart.id("p1"))
    consent = person.sign_in(page)
    for method in ("GET", "POST"):
        shown, _ = person.start(method=method, headers=FOREIGN, patient=target.chart.id("p1"))
        target.expect(
            "code" not in answered(shown) and bool(Forms(shown).holding("decision")),
            f"a {method} from another site was consented to",
        )
    fields = {**Forms(consent).holding("decision"), "decision": "allow"}
    target.expect("token" in fields, "the consent page has no token")
    for what, changes, headers in (
        ("from another site", {}, FOREIGN), ("with another site's origin", {}, FOREIGN[:1]), ("with a null origin", {}, (("origin", "null"),)), ("across sites", {}, FOREIGN[1:]),
        ("from the same site", {}, (("origin", "http://localhost:8700"), ("sec-fetch-site", "same-site"))), ("without a token", {"token": None}, OWN), ("with an empty token", {"token": ""}, OWN),
        ("with a wrong token", {"token": "0" * 64}, OWN), ("with the token of another page", {"token": Forms(page).holding("user").get("token", "x")}, OWN),
    ):  # fmt: skip
        form = {name: value for name, value in {**fields, **changes}.items() if value is not None}
        reply = person.send("POST", "/auth/sign-in", form=form, headers=headers)
        target.refused(reply, f"a consent {what}", 400, 403)
    by_get = person.send("GET", "/auth/sign-in", query=fields)
    target.expect("code" not in answered(by_get), "a consent by GET")
    kept = dict(person.cookies)
    for path in ("/auth/manage", "/auth/sign-out"):
        for headers, form in (
            (FOREIGN, {"grant": "x", "token": fields["token"]}),
            (OWN, {"grant": "x"}),
            (OWN, {"grant": "x", "token": "0" * 64}),
        ):
            target.refused(person.send("POST", path, form=form, headers=headers), f"{path} by another site", 400, 403)
    target.expect(person.cookies == kept, "another site signed the person out")
    target.expect(
        "code" in answered(person.submit(consent, "decision", decision="allow")), "the person itself cannot consent"
    )
    return target.problems


def framing(target: Target) -> list[str]:
    """Every page: not framed, no script, no address told on, and the cookie out of scripts' and other hosts' reach."""
    person = Browser(target)
    page, _ = person.start(scope=f"launch launch/encounter {NARROW}")
    picker = person.sign_in(page)
    encounters = person.submit(picker, "patient", patient=target.chart.id("p1"))
    consent = person.submit(encounters, "encounter", encounter="none")
    shown = {"sign-in": page, "picker": picker, "encounters": encounters, "consent": consent, "grants": person.send("GET", "/auth/manage"),
             "a refusal": person.send("GET", "/auth/authorize?client_id=x"), "an old page": person.send("GET", "/auth/sign-in?request=x"),
             "launcher": person.send("GET", "/launch", headers=[("accept", "text/html")])}  # fmt: skip
    for what, reply in shown.items():
        policy = reply.header("content-security-policy")
        target.expect(
            "frame-ancestors 'none'" in policy or reply.header("x-frame-options") == "DENY", f"{what} can be framed"
        )
        target.expect("default-src 'none'" in policy and "unsafe" not in policy, f"{what} may run scripts")
        target.expect("script" not in policy and b"<script" not in reply.body, f"{what} has scripts")
        target.expect(reply.header("referrer-policy") in ("no-referrer", "same-origin"), f"{what} tells its address on")
        target.expect("no-store" in reply.header("cache-control"), f"{what} is kept by caches")
    fresh = Browser(target).start()[0]
    given = [value.lower() for name, value in fresh.headers if name == "set-cookie"]
    for cookie in given:
        strict = cookie.startswith("__host-") and all(
            word in cookie for word in ("secure", "httponly", "path=/", "samesite=")
        )
        target.expect(strict and "domain=" not in cookie, "the cookie is within others' reach")
    target.expect(bool(given), "the first page gives no cookie")
    entered, _ = (second := Browser(target)).start()
    fixed = dict(second.cookies)
    second.sign_in(entered)
    target.expect(second.cookies != fixed, "the cookie of before is the cookie of the session")
    return target.problems


def signed_out(target: Target) -> list[str]:
    """``online_access`` ends with the session (B02)."""
    person = Browser(target)
    page, secret = person.start(scope=f"launch online_access {NARROW}", patient=target.chart.id("p1"))
    said = answered(person.submit(person.sign_in(page), "decision", decision="allow"))
    form = {"grant_type": "authorization_code", "code": said.get("code", ""), "redirect_uri": CALLBACK, "code_verifier": secret,
            "client_id": client(target, "public")["client_id"]}  # fmt: skip
    given = redeem(target, form).json
    refresh = {"grant_type": "refresh_token", "client_id": form["client_id"]}
    renewed = target.ask("POST", "/auth/token", form={**refresh, "refresh_token": given.get("refresh_token", "")})
    target.expect(renewed.status == 200, "online_access is not refreshed while the session lasts")
    out = person.send("GET", "/auth/manage")
    leave = next(
        (fields for fields, names, method in Forms(out).found if method == "post" and "grant" not in names), {}
    )
    person.send("POST", "/auth/sign-out", form=leave, headers=OWN)
    late = target.ask("POST", "/auth/token", form={**refresh, "refresh_token": renewed.json.get("refresh_token", "")})
    target.refused(late, "a refresh after signing out", 400)
    return target.problems


def test_b02_online_access_ends_with_the_session(target: Target) -> None:
    assert signed_out(target) == []


def test_b07_another_site_consents_to_nothing(target: Target) -> None:
    assert cross_site(target) == []


def test_b07_no_page_is_framed(target: Target) -> None:
    assert framing(target) == []


def test_b07_twin_that_believes_the_cookie_alone(holed: Any) -> None:
    problems = cross_site(holed(holes_of_sign_in.forms_are_bound_to_nothing, holes_of_sign_in.forms_come_from_anywhere))
    assert any("from another site" in each for each in problems)


def test_b07_twin_that_may_be_framed(holed: Any) -> None:
    assert any("framed" in each for each in framing(holed(holes_of_sign_in.pages_may_be_framed)))
