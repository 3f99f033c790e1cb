"""Kills ``chartgate demo --data DIR`` with SIGKILL at any moment, starts it again, and judges what is left.

    python -m tests.crash.kill_demo --kills 50 [--ehr http://127.0.0.1:…/fhir] [--seed 1]

A round is a fresh installation, five kills spread over the length of a run (seeding and start-up included), and a last
run that is left alone and has to end well. After each kill the outputs that were durable are written down. Then the EHR
is read whole: a given one over HTTP, the embedded one through a server started on DIR, with a token as any backend
client gets it. One JSON line for the whole campaign goes to stdout, and with ``--keep`` into ``benchmarks/results``.
"""

import argparse
import json
import os
import random
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from joserfc import jwt
from joserfc.jwk import ECKey

from tests import programs
from tests.command import chartgate
from tests.crash.judge import Kept, find_kept, judge

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "kills.jsonl"
KILLS_A_ROUND = 5
FIRST_GUESS = 10.0
"""Seconds that a run takes, until one has been seen to end."""
PATIENCE = 240.0
TYPES = ("RiskAssessment", "Observation", "DocumentReference", "Device", "Provenance")


@dataclass
class Tally:
    """What a campaign has done and found so far; ``seconds`` is the length of a whole run as last seen."""

    kills: int = 0
    rounds: int = 0
    accepted: int = 0
    kept: int = 0
    problems: list[str] = field(default_factory=list)
    seconds: float = FIRST_GUESS


def start_demo(directory: Path, ehr: str | None, output: Any) -> programs.Program:
    """The demo in a process group of its own, so that a kill takes everything that it started."""
    target = ["--ehr", ehr, "--seed"] if ehr else []
    with (directory.parent / "errors").open("ab") as errors:
        words = ("demo", "--data", str(directory), "--json", *target)
        return programs.cli(*words, stdout=output, stderr=errors, session=True)


def ask(*arguments: str) -> Any:
    """The JSON that a verb prints; it works on the installation as a kill left it."""
    done = chartgate(*arguments, "--json")
    if not done.stdout:
        raise RuntimeError(f"{' '.join(arguments[:2])} ended with {done.returncode}: {done.stderr[-2000:]}")
    return json.loads(done.stdout)


def outputs_of(directory: Path) -> list[dict[str, Any]]:
    listed = ask("outputs", "list", "--limit", "1000", "--data", str(directory))
    return list(listed["outputs"] if isinstance(listed, dict) else listed)


def kill_once(directory: Path, ehr: str | None, *, share: float, tally: Tally) -> bool:
    """Starts the demo and kills it ``share`` of a run later. False when it had already ended."""
    began = time.monotonic()
    process = start_demo(directory, ehr, subprocess.DEVNULL)
    try:
        process.wait(share * tally.seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True
    tally.seconds = time.monotonic() - began
    return False


def run_round(directory: Path, ehr: str | None, *, kills: int, chance: random.Random, tally: Tally) -> list[Kept]:
    """``kills`` kills on one installation, a whole run, and the judgement; what the EHR kept."""
    accepted: set[str] = set()
    shares = [(number + chance.random()) / kills for number in range(kills)]
    chance.shuffle(shares)
    done = 0
    while done < kills:
        done += kill_once(directory, ehr, share=shares[done], tally=tally)
        accepted |= {output["id"] for output in outputs_of(directory)}
    tally.problems += finish(directory, ehr)
    outputs = outputs_of(directory)
    kept = read_ehr(directory, ehr, {each["resource_type"] for output in outputs for each in output["deliveries"]})
    tally.problems += judge(accepted=accepted, outputs=outputs, kept=kept)
    tally.kills += done
    tally.rounds += 1
    tally.accepted += len(accepted)
    tally.kept += len(kept)
    return kept


def finish(directory: Path, ehr: str | None) -> list[str]:
    """The run that nobody disturbs."""
    with tempfile.TemporaryFile() as output:
        code = start_demo(directory, ehr, output).wait(PATIENCE)
        output.seek(0)
        said = output.read()
    if code != 0:
        errors = (directory.parent / "errors").read_text()[-1000:]
        return [f"unfinished: the last run ended with {code}: {errors}"]
    return [] if json.loads(said)["ok"] else ["unfinished: the last run says that not all ended as it should"]


def read_ehr(directory: Path, ehr: str | None, types: set[str]) -> list[Kept]:
    namespace = ask("doctor", "--data", str(directory))["namespace"]
    if ehr is not None:
        with httpx2.Client(timeout=60, trust_env=False) as client:
            return find_kept(read_all(client, ehr, types), namespace=namespace)
    with embedded(directory) as (base, token), httpx2.Client(timeout=60, trust_env=False) as client:
        client.headers["Authorization"] = f"Bearer {token}"
        return find_kept(read_all(client, base, types), namespace=namespace)


def read_all(client: httpx2.Client, base: str, types: set[str]) -> Iterator[dict[str, Any]]:
    """Everything of the types that are written, page by page: nothing is asked for by what it should be."""
    for type in sorted(types.union(TYPES)):
        address: str | None = f"{base}/{type}?_count=200"
        while address:
            answer = fetch(client, address)
            answer.raise_for_status()
            page = answer.json()
            yield from (entry["resource"] for entry in page.get("entry", []))
            address = next((link["url"] for link in page.get("link", []) if link["relation"] == "next"), None)


def fetch(client: httpx2.Client, address: str) -> httpx2.Response:
    """A page; once more when the server let an idle connection go just then, which says nothing about what it kept."""
    headers = {"Accept": "application/fhir+json"}
    try:
        return client.get(address, headers=headers)
    except httpx2.RemoteProtocolError:
        return client.get(address, headers=headers)


@contextmanager
def embedded(directory: Path) -> Iterator[tuple[str, str]]:
    """(FHIR base, access token) of the embedded EHR, through a server that runs on the installation meanwhile."""
    with programs.cli("up", "--data", str(directory), "--port", "0", "--json", stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            base = json.loads(process.stdout.readline())["ehr"]["spec"]
            yield base, backend_token(base)
        finally:
            process.terminate()
            process.wait(120)


def backend_token(base: str) -> str:
    """Registers a backend client and gets a token to read everything (SMART App Launch 2.2, backend services)."""
    key = ECKey.generate_key("P-384", parameters={"alg": "ES384", "use": "sig", "kid": "judge"})
    with httpx2.Client(timeout=30, trust_env=False) as client:
        found = client.get(f"{base}/.well-known/smart-configuration").json()
        asked = {
            "client_name": "judge", "grant_types": ["client_credentials"], "scope": "system/*.rs",
            "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [key.as_dict(private=False)]},
        }  # fmt: skip
        client_id = client.post(found["registration_endpoint"], json=asked).json()["client_id"]
        endpoint, now = found["token_endpoint"], int(time.time())
        claims = {"iss": client_id, "sub": client_id, "aud": endpoint, "exp": now + 240, "jti": secrets.token_hex(16)}
        header = {"alg": "ES384", "kid": "judge", "typ": "JWT"}
        form = {
            "grant_type": "client_credentials", "scope": "system/*.rs",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": jwt.encode(header, claims, key, algorithms=["ES384"]),
        }  # fmt: skip
        return str(client.post(endpoint, data=form).json()["access_token"])


def campaign(ehr: str | None, *, kills: int, seed: int) -> Tally:
    """Rounds until there were ``kills`` kills. Equal seeds kill at equal shares of a run, whose length is measured on
    an installation that nobody disturbs."""
    chance, tally = random.Random(seed), Tally()
    with tempfile.TemporaryDirectory(prefix="cg-") as place:
        began = time.monotonic()
        tally.problems += finish(Path(place) / "data", ehr)
        tally.seconds = time.monotonic() - began
    while tally.kills < kills:
        with tempfile.TemporaryDirectory(prefix="cg-") as place:
            directory = Path(place) / "data"
            directory.mkdir(mode=0o700)
            run_round(directory, ehr, kills=min(KILLS_A_ROUND, kills - tally.kills), chance=chance, tally=tally)
    return tally


def result_line(tally: Tally, *, ehr: str | None, seed: int, began: float) -> dict[str, Any]:
    counts = {word: sum(problem.startswith(word) for problem in tally.problems) for word in ("lost", "doubled")}
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    return {
        "campaign": "SIGKILL of chartgate demo", "ehr": "given (HAPI)" if ehr else "embedded", "kills": tally.kills,
        "rounds": tally.rounds, "accepted": tally.accepted, "kept": tally.kept, **counts,
        "other_problems": len(tally.problems) - sum(counts.values()), "seed": seed,
        "seconds": round(time.monotonic() - began, 1), "commit": commit.stdout.strip() or None,
    }  # fmt: skip


def record(line: dict[str, Any]) -> None:
    """Adds the campaign's line to the kept results."""
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    with RESULTS.open("a") as file:
        file.write(json.dumps(line) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--ehr", help="FHIR base of a server, without authorization; the embedded EHR when not given")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help=f"append the line to {RESULTS.relative_to(ROOT)}")
    given = parser.parse_args()
    began = time.monotonic()
    tally = campaign(given.ehr, kills=given.kills, seed=given.seed)
    line = result_line(tally, ehr=given.ehr, seed=given.seed, began=began)
    print("\n".join(tally.problems), file=sys.stderr)
    print(json.dumps(line))
    if given.keep:
        record(line)
    return 1 if tally.problems else 0


if __name__ == "__main__":
    sys.exit(main())
