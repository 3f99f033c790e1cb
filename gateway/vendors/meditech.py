"""MEDITECH Greenfield: messages and questionnaires can be written; nothing that a model says has a place there."""

from gateway.vendors.declaration import Vendor
from writeback.rules import WriteRules

MEDITECH = Vendor(
    name="meditech",
    title="MEDITECH",
    write=WriteRules(creates=frozenset({"Communication", "QuestionnaireResponse"})),
    sources={
        "creates": "[V] CapabilityStatement of Greenfield, US Core STU6: create for Communication and QuestionnaireResponse",
    },
)
