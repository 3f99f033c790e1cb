"""Edge: the fault switches of the launcher page, as a form that needs no script; ``/ehr/{ehr}/faults`` is the same as JSON."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.errors import OAuthError
from gateway.routes.ehr_pages import own_form, redirect, told_as_page
from gateway.routes.forms import operator
from gateway.sandbox_ehrs import faults
from gateway.sandbox_ehrs.ehr import SandboxEhr


def routes(ehr: SandboxEhr) -> list[Route]:
    """``POST /launch/faults``."""

    async def switch(request: Request) -> Response:
        operator(ehr, request)
        form = await own_form(ehr, request)
        try:
            ehr.faults.switch(sorted(name for field, name in form.items() if field == f"on-{name}"))
        except LookupError as unknown:
            raise OAuthError("invalid_request", "a fault was ticked that this EHR does not have") from unknown
        return redirect(f"{ehr.base}/launch#faults")

    return [Route("/launch/faults", told_as_page(ehr, switch), methods=["POST"])]


def switches(ehr: SandboxEhr) -> list[dict[str, Any]]:
    """Every fault with its name, what it does, and whether it is on; one that is on with a value stands as it was spoken."""
    described, active = dict(faults.available()), ehr.faults.active
    spoken = [name for name in active if name not in described]
    says = {name: described[name.partition(":")[0].partition("*")[0]] for name in spoken}
    return [{"name": name, "says": text, "on": name in active} for name, text in {**says, **described}.items()]
