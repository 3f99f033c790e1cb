"""An app by somebody else's library: fhirclient for JavaScript, as its project publishes it, on a site of its own.

``.ci/system`` fetches the package; here its digest is checked before a line of it runs.
"""

import shutil
import subprocess
import tarfile
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha512
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests import web
from tests.conftest import missing

VERSION = "2.6.3"
INTEGRITY = "CirZixcwWelbkIXxpxlNQx5+ZdJirl6F1s4y4yvA1X7hHAkr9n99aVHaMi0wX+97nATjKQ65X6NB5as/wZoJzg=="
"""SHA-512 of the package, as the project's own lock entries have it."""
FOLDER = Path(__file__).parent / "packages"
SCRIPT = "package/build/fhir-client.min.js"
SCOPE = "launch openid fhirUser patient/Patient.rs patient/Observation.rs patient/Condition.rs"

LAUNCH = """<!doctype html><title>Launching</title><script src="/fhir-client.js"></script>
<script>FHIR.oauth2.authorize({clientId: "%s", scope: "%s", redirectUri: "/"});</script>"""
READY = """<!doctype html><title>Stranger</title><h1>Reading</h1><p id="user"></p><p id="seen"></p>
<script src="/fhir-client.js"></script><script>
const say = (id, text) => { document.getElementById(id).textContent = text; };
FHIR.oauth2.ready().then(async client => {
  const patient = await client.patient.read();
  const pages = await client.request("Observation?_count=20&patient=" + client.patient.id, {pageLimit: 3, flat: true});
  say("user", client.user.fhirUser || "nobody");
  say("seen", pages.length + " observations");
  document.querySelector("h1").textContent = patient.name[0].family;
}).catch(error => { document.querySelector("h1").textContent = "Failed: " + error; });
</script>"""


def library() -> bytes:
    """The library's script for browsers. Skips the test, or fails it under CI, where the package cannot be had."""
    path = FOLDER / f"fhirclient-{VERSION}.tgz"
    if not path.exists() and shutil.which("npm"):
        FOLDER.mkdir(exist_ok=True)
        subprocess.run(
            ["npm", "pack", "--silent", f"fhirclient@{VERSION}"], cwd=FOLDER, capture_output=True, check=False
        )
    if not path.exists():
        missing("fhirclient is not there: sh .ci/system fetches it (npm pack)")
    packed = path.read_bytes()
    assert b64encode(sha512(packed).digest()).decode() == INTEGRITY
    with tarfile.open(fileobj=BytesIO(packed)) as archive:
        found = archive.extractfile(SCRIPT)
        assert found is not None
        return found.read()


@contextmanager
def serving(ehr: str) -> Iterator[str]:
    """The app on ``localhost``, registered with the EHR as a public client; its client id."""
    pages = {"/fhir-client.js": library()}

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = pages.get(urlsplit(self.path).path)
            self.send_response(200 if found else 404)
            kind = "text/javascript" if self.path.endswith(".js") else "text/html"
            self.send_header("content-type", kind)
            self.end_headers()
            self.wfile.write(found or b"")

        def log_message(self, format: str, *values: Any) -> None: ...

    server = ThreadingHTTPServer(("localhost", 0), Pages)
    url = f"http://localhost:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    body = {
        "client_name": "A stranger's app", "redirect_uris": [f"{url}/"], "initiate_login_uri": f"{url}/launch.html",
        "scope": SCOPE, "token_endpoint_auth_method": "none", "grant_types": ["authorization_code"],
    }  # fmt: skip
    try:
        answer = web.post(f"{ehr}/auth/register", json=body).raise_for_status().json()
        pages["/launch.html"] = (LAUNCH % (answer["client_id"], SCOPE)).encode()
        pages["/"] = READY.encode()
        yield str(answer["client_id"])
    finally:
        server.shutdown()
        server.server_close()
