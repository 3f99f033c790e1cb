"""Edge: what a site's folder comes to, before anyone goes live: its file, then each of its EHRs asked."""

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gateway.ehrs import check
from gateway.ehrs.fetch import Reach
from gateway.installation import open_installation, prepare
from gateway.keyring import open_keyring
from gateway.model_folders.models import Model, load_all
from gateway.sites.folder import Declared, SiteRefused, read_site
from vocabulary.manifest import Manifest

Models = Mapping[tuple[str, str], Model]


def load_models(folders: tuple[Path, ...] = ()) -> dict[tuple[str, str], Model]:
    """The models that a site may deploy. Raises ModelError, ManifestError."""
    return {model.key: model for model in load_all(folders)}


def check_file(folder: Path, models: Models) -> Declared | tuple[str, ...]:
    """The site, or everything that is wrong with its file."""
    try:
        return read_site(folder, {key: model.manifest for key, model in models.items()})
    except SiteRefused as refused:
        return refused.problems


async def check_site(declared: Declared, models: Models, keys: Path) -> list[dict[str, Any]]:
    """Each EHR of the site asked, for the models that run there, in the words of ``ehrs check``: ``[{"ehr", "lines":
    [{"check", "result", "text", "next"}]}]``. ``keys`` is the installation whose keys the EHRs know. Nothing is written."""
    keyring = open_keyring(prepare(keys))
    with tempfile.TemporaryDirectory(prefix="chartgate-") as temporary:
        installation, reach = open_installation(Path(temporary)), Reach(clock=time.time)
        means = check.means_of(installation, lambda: keyring)
        try:
            return [line for ehr in declared.ehrs for line in await check.check_named(
                {"name": ehr.name}, ehrs=declared.ehrs, reach=reach, means=means,
                models=_here(declared, models, ehr.name),
            )]  # fmt: skip
        finally:
            await reach.aclose()
            installation.close()


def _here(declared: Declared, models: Models, ehr: str) -> list[Manifest]:
    site = declared.site
    return [models[each.id, each.version].manifest for each in site.model if ehr in (each.ehrs or site.ehrs)]
