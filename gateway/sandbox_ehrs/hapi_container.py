"""Edge: HAPI as a container, through testcontainers (an optional dependency), bound to loopback."""

import gc
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

IMAGE = "hapiproject/hapi:v8.8.0-1"
PORT = 8080
START_SECONDS = 300

SETTINGS = {
    "hapi.fhir.fhir_version": "R4",
    "hapi.fhir.allow_external_references": "false",
    "hapi.fhir.enforce_referential_integrity_on_write": "true",
    "hapi.fhir.enforce_referential_integrity_on_delete": "true",
    "hapi.fhir.reuse_cached_search_results_millis": "-1",
    "hapi.fhir.enable_index_missing_fields": "true",
    "hapi.fhir.allow_multiple_delete": "true",
    "hapi.fhir.client_id_strategy": "ALPHANUMERIC",
    "hapi.fhir.install_transitive_ig_dependencies": "false",
    "spring.datasource.url": "jdbc:h2:file:/data/hapi/hapi-database;WRITE_DELAY=0;DB_CLOSE_ON_EXIT=FALSE;TRACE_LEVEL_FILE=0",
    "spring.datasource.username": "sa",
    "spring.datasource.password": "",
    "spring.datasource.driverClassName": "org.h2.Driver",
}
"""The settings of ``docker/hapi`` in the words of the published image."""


def engine_present() -> bool:
    """Whether testcontainers is installed and a container engine answers."""
    try:
        from testcontainers.core.docker_client import DockerClient
    except ImportError:
        return False
    with warnings.catch_warnings():
        # Where no engine listens, the client fails half made and leaves its socket to the collector.
        warnings.simplefilter("ignore", ResourceWarning)
        present = _answers(DockerClient)
        gc.collect()
    return present


def _answers(connect: Callable[..., Any]) -> bool:
    try:
        client = connect(timeout=2).client
        try:
            return bool(client.ping())
        finally:
            client.close()
    except Exception:  # the client raises whatever its transport raised, and each means "no"
        return False


def start(directory: Path, *, port: int = 0) -> tuple[str, Callable[[], None]]:
    """(FHIR base, stop). The data stay in ``directory/hapi-container``. testcontainers' reaper removes the container
    when this process is killed. Raises what testcontainers raises when the image cannot be had or does not start."""
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.wait_strategies import HttpWaitStrategy

    data = directory / "hapi-container"
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    container = DockerContainer(IMAGE, env=dict(SETTINGS), volumes=[(str(data.resolve()), "/data/hapi", "rw")])
    # A pair of address and port keeps it off every other interface; an empty port is any free one.
    container.ports[f"{PORT}/tcp"] = ("127.0.0.1", port or None)  # type: ignore[assignment]
    container.with_kwargs(user=f"{os.getuid()}:{os.getgid()}")  # the image's own user could not write to our directory
    wait = HttpWaitStrategy(PORT, "/actuator/health/readiness").for_status_code(200)
    container.waiting_for(wait.with_startup_timeout(START_SECONDS))
    try:
        container.start()
    except BaseException:
        container.stop()
        raise
    return f"http://127.0.0.1:{container.get_exposed_port(PORT)}/fhir", container.stop
