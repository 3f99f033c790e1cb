"""The image and the compose file, as far as they can be looked at without a container engine."""

import re
from pathlib import Path

from gateway.sandbox_ehrs.hapi_container import IMAGE
from gateway.settings import VARIABLES
from tests.programs import ROOT

DOCKER = ROOT / "docker"
COMPOSE, FILE = (DOCKER / "compose.yaml").read_text(), (DOCKER / "Dockerfile").read_text()


def test_every_variable_is_a_setting() -> None:
    named = set(re.findall(r"CHARTGATE_[A-Z_]+", COMPOSE + FILE))
    assert len(named) >= 6
    assert named <= VARIABLES


def test_every_image_has_its_version_and_hapi_is_the_one_that_is_tested() -> None:
    images = re.findall(r"image: (\S+)", COMPOSE) + re.findall(r"^FROM (\S+)", FILE, re.M)
    assert IMAGE in images
    assert [image for image in images if ":" not in image or image.endswith(":latest")] == []


def test_what_the_image_copies_is_there_and_it_runs_as_nobody_special() -> None:
    copied = re.findall(r"^COPY ((?!--)[^\n]+) \S+$", FILE, re.M)
    assert copied
    assert [name for line in copied for name in line.split() if not (ROOT / name).exists()] == []
    assert re.search(r"^USER (?!root)\w+", FILE, re.M)


def test_no_password_stands_in_a_file_and_prometheus_finds_its_rules() -> None:
    assert not re.search(r"PASSWORD: (?!\"?\$\{)", COMPOSE)
    scraped = (DOCKER / "prometheus" / "prometheus.yml").read_text()
    for name in re.findall(r"rule_files: \[(.+)\]", scraped)[0].split(","):
        assert (DOCKER / "prometheus" / name.strip()).exists()
    assert Path(DOCKER / "compose.yaml").is_file()
