"""Edge: ``models card``: the card of a model folder, as a page for people and as the DocumentReference that EHRs are given."""

from typing import Any

from gateway.model_folders.source_attributes import stated
from gateway.pages import render
from vocabulary.manifest import Manifest
from writeback.adapters.device import card_document
from writeback.labels import Names

NAMESPACE = "urn:chartgate:model-card"
"""In whose name a card is identified that no installation has written."""


def as_html(manifest: Manifest) -> str:
    """A page of its own, without a script: the manifest's own words, then the 31 attributes; what is not stated is said so."""
    categories = list(stated(manifest.card))
    missing = sum(said is None for _, attributes in categories for _, _, said in attributes)
    return render("model_card.html", model=manifest, categories=categories, missing=missing)


def as_document(manifest: Manifest) -> dict[str, Any]:
    """Profile AI-ModelCard, with the model's own identifier and none of a delivery."""
    document = card_document(manifest, Names(ehr="none", namespace=NAMESPACE), key="0" * 32)
    return {**document, "identifier": [each for each in document["identifier"] if each["system"].endswith("/model")]}
