"""TLS (SMART App Launch 2.2 app-protection, backend-services; conformance §3.1 ``*_tls``): a real socket, a real handshake."""

import asyncio
import datetime
import socket
import ssl
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from pathlib import Path

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.processes import process, tls
from gateway.processes.process import Options, Running


def make_certificate(directory: Path) -> tuple[Path, Path]:
    """A certificate for localhost and 127.0.0.1 that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sandbox")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = directory / "cert.pem", directory / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("tls"))


def drive(
    act: Callable[[Running, httpx2.AsyncClient], Awaitable[None]], certificate: tuple[Path, Path], directory: Path
) -> None:
    """Runs the story against a whole sandbox on a free port that serves by this certificate."""

    async def story() -> None:
        options = Options(port=0, persona="spec", tls_cert=certificate[0], tls_key=certificate[1])
        trust = ssl.create_default_context(cafile=str(certificate[0]))
        async with (
            process.running(directory, options, lambda text: None) as running,
            httpx2.AsyncClient(verify=trust, trust_env=False, timeout=30.0) as client,
        ):
            await act(running, client)

    asyncio.run(story())


REFUSED = {"TLSV1_ALERT_PROTOCOL_VERSION", "UNEXPECTED_EOF_WHILE_READING", "closed"}
"""What a server's refusal looks like from outside: its alert, or the end of the connection."""


def _shake_hands(port: int, version: ssl.TLSVersion) -> str:
    """What comes of a handshake in this version and no other: its name, or the server's alert."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
        try:
            with context.wrap_socket(raw) as wrapped:
                return str(wrapped.version())
        except ssl.SSLError as failure:
            return str(failure.reason)
        except ConnectionError:
            return "closed"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
def test_nothing_older_than_tls_1_2_is_spoken(certificate: tuple[Path, Path], tmp_path: Path) -> None:
    async def act(running: Running, client: httpx2.AsyncClient) -> None:
        port = int(running.app.rpartition(":")[2])
        said = {
            version.name: await asyncio.to_thread(_shake_hands, port, version)
            for version in (
                ssl.TLSVersion.TLSv1,
                ssl.TLSVersion.TLSv1_1,
                ssl.TLSVersion.TLSv1_2,
                ssl.TLSVersion.TLSv1_3,
            )
        }
        assert (said["TLSv1_2"], said["TLSv1_3"]) == ("TLSv1.2", "TLSv1.3")
        assert {said["TLSv1"], said["TLSv1_1"]} <= REFUSED
        with pytest.raises(httpx2.HTTPError):
            await client.get(f"http://127.0.0.1:{port}/health/live")

    drive(act, certificate, tmp_path)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
def test_a_server_that_speaks_tls_1_1_would_be_noticed(certificate: tuple[Path, Path]) -> None:
    """The failing twin of the test above."""

    async def story() -> None:
        context = tls.load(*certificate).context
        context.minimum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("ALL:@SECLEVEL=0")
        server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        assert await asyncio.to_thread(_shake_hands, port, ssl.TLSVersion.TLSv1_1) == "TLSv1.1"
        server.close()

    asyncio.run(story())


def test_every_address_is_https_and_the_gateway_signs_in_and_reads_over_it(
    certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    async def act(running: Running, client: httpx2.AsyncClient) -> None:
        base = running.ehr["spec"]
        assert (running.app[:8], base[:8], running.enter[:8]) == ("https://", "https://", "https://")
        said = (await client.get(f"{base}/.well-known/smart-configuration")).json()
        addresses = [value for name, value in said.items() if name.endswith(("_endpoint", "_uri", "_bundle"))]
        assert all(address.startswith("https://127.0.0.1:") for address in addresses)
        patient = (await client.get(f"{base.removesuffix('/fhir')}/launch")).json()["patients"][0]["id"]
        prepared = await client.post(
            f"{base.removesuffix('/fhir')}/launch",
            json={"client_id": "chartgate", "patient": patient, "automatic": True},
        )
        url = prepared.json()["url"]
        for _ in range(4):
            answer = await client.get(url)
            assert answer.status_code in (200, 303), answer.text
            if answer.status_code == 200:
                break
            url = str(httpx2.URL(url).join(answer.headers["location"]))
        assert url.startswith(f"{running.app}/app?launch=")
        assert all("Secure" in line for line in answer.headers.get_list("set-cookie"))
        await running.gateway.idle()
        assert (await running.gateway.senders.capabilities("spec")) is not None
        wrong = await client.get(f"https://localhost:{url.split(':')[2].split('/')[0]}/ehr/spec/launch")
        assert (wrong.status_code, wrong.headers["x-right-address"][:8]) == (421, "https://")

    drive(act, certificate, tmp_path)


def test_a_page_of_plain_http_is_another_site(certificate: tuple[Path, Path], tmp_path: Path) -> None:
    async def act(running: Running, client: httpx2.AsyncClient) -> None:
        url = running.ehr["spec"].replace("/fhir", "/launch")
        own = url.partition("/ehr")[0]
        for origin, status in ((own.replace("https", "http"), 403), (own, 400)):
            answer = await client.post(url, json={}, headers={"origin": origin, "sec-fetch-site": "same-origin"})
            assert answer.status_code == status

    drive(act, certificate, tmp_path)


def test_a_certificate_that_cannot_be_used_is_refused_with_what_to_do(
    certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    other = make_certificate(tmp_path)
    for cert, key in ((certificate[0], other[1]), (tmp_path / "none", other[1]), (certificate[1], certificate[0])):
        with pytest.raises(tls.TlsError, match="--tls-cert"):
            tls.load(cert, key)
