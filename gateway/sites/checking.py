"""Edge: what a site's folder comes to, before anyone goes live: its file, then each of its EHRs asked."""

import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gateway.ehrs import check, scheduled
from gateway.ehrs.facts import Asked, Line
from gateway.ehrs.fetch import Reach
from gateway.installation import open_installation, prepare
from gateway.keyring import open_keyring
from gateway.model_folders.models import Model, load_all
from gateway.schedules import population
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
                models=_here(declared, models, ehr.name), schedules=asked(declared, models, ehr.name),
            )]  # fmt: skip
        finally:
            await reach.aclose()
            installation.close()


def check_schedules(declared: Declared, models: Models) -> list[dict[str, Any]]:
    """What the file alone says of its schedules, in the same words: nobody is asked."""
    made = []
    for ehr in declared.ehrs:
        rows = scheduled.judged(asked(declared, models, ehr.name), scheduled.declared(ehr))
        lines = [asdict(Line(*row)) for row in rows]
        made += [{"ehr": ehr.name, "lines": lines}] if lines else []
    return made


def asked(declared: Declared, models: Models, ehr: str) -> list[Asked]:
    """The schedules of an EHR, with the models that they run: every version that is deployed there."""
    site, found = declared.site, []
    for each in site.schedule:
        here = [row for row in site.model if row.id in each.models and ehr in (row.ehrs or site.ehrs)]
        if each.ehr == ehr:
            run, live = (
                tuple(models[row.id, row.version].manifest for row in here if row.policy != unlike)
                for unlike in (None, "shadow")
            )
            found.append(Asked(id=each.id, type=population.parse(each.patients)[0], models=run, writing=live))
    return found


def _here(declared: Declared, models: Models, ehr: str) -> list[Manifest]:
    site = declared.site
    return [models[each.id, each.version].manifest for each in site.model if ehr in (each.ehrs or site.ehrs)]
