"""The ids of requirements: those of Inferno's list for SMART App Launch 2.2.0 are numbers behind one name."""

SMART = "hl7.fhir.uv.smart-app-launch_2.2.0@"


def smart(*numbers: int) -> tuple[str, ...]:
    """Ids of ``conformance/requirements/smart-server.csv`` and ``smart-client.csv``."""
    return tuple(f"{SMART}{number}" for number in numbers)
