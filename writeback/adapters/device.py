"""The model version as a Device and its card as a DocumentReference, as the AI Transparency guide has them.

One Device per version, so that a recall is one search.
"""

from typing import Any

from vocabulary.manifest import Manifest
from writeback.labels import Names, identifiers, model_name, to
from writeback.lexicon.attachment import attachment
from writeback.lexicon.codes import AI_DEVICE, CARD_OF_DEVICE, MARKDOWN_CARD, MODEL_CARD


def device(manifest: Manifest, names: Names, key: str, *, card: str) -> dict[str, Any]:
    """Profile AI-Device. ``card`` is the delivery key of the model card."""
    maker = manifest.card.get("developer")
    return {
        "resourceType": "Device",
        "extension": [{"url": CARD_OF_DEVICE, "valueReference": to(card, f"Model card: {model_name(manifest)}")}],
        "identifier": [*identifiers(names, key), model_identifier(manifest, names)],
        "status": "active",
        **({"manufacturer": maker} if isinstance(maker, str) and maker.strip() else {}),
        "deviceName": [
            {"name": manifest.title, "type": "user-friendly-name"},
            {"name": manifest.id, "type": "model-name"},
        ],
        "modelNumber": manifest.id,
        "type": AI_DEVICE.concept,
        "version": [{"value": manifest.version}],
    }


def card_document(manifest: Manifest, names: Names, key: str) -> dict[str, Any]:
    """Profile AI-ModelCard: the card as Markdown, inline."""
    title = f"Model card: {model_name(manifest)}"
    return {
        "resourceType": "DocumentReference",
        "identifier": [*identifiers(names, key), model_identifier(manifest, names)],
        "status": "current",
        "type": MODEL_CARD.concept,
        "category": [MARKDOWN_CARD.concept],
        "description": title,
        "content": [{"attachment": attachment(format_card(manifest), content_type="text/markdown", title=title)}],
    }


def model_identifier(manifest: Manifest, names: Names) -> dict[str, str]:
    """``id|version`` under the installation's namespace."""
    return {"use": "secondary", "system": f"{names.namespace}/model", "value": f"{manifest.id}|{manifest.version}"}


def format_card(manifest: Manifest) -> str:
    """The model card as Markdown: what the manifest says of itself, then ``[card]``, member by member. What is not
    stated is said to be not stated."""
    lines = [f"# {manifest.title}", "", f"Model `{manifest.id}`, version {manifest.version}."]
    lines += ["", "## Intended use", "", manifest.intended_use or "Not stated."]
    if not manifest.card:
        lines += ["", "## Source attributes", "", "Not stated."]
    for name, value in manifest.card.items():
        lines += ["", f"## {name.replace('_', ' ').capitalize()}", "", str(value).strip() or "Not stated."]
    return "\n".join(lines) + "\n"
