"""What the attacks are made against: two patients, and the ways in which a record of one can name the other.

Everything of p2 holds the word ``secret``, p1's vital signs ``vital`` and what is p1's own ``own``: an answer that shows
a word shows a record. Identifiers are new in every run, since a HAPI server is shared.
"""

import base64
from collections.abc import Iterator
from typing import Any

Resource = dict[str, Any]
CATEGORIES = "http://terminology.hl7.org/CodeSystem/observation-category"
LAB, VITAL = f"{CATEGORIES}|laboratory", f"{CATEGORIES}|vital-signs"
SYSTEM = "urn:test:abuse"


class Chart:
    """``run`` makes ids and words unique. ``resources`` in the order of writing; one that comes twice is updated."""

    def __init__(self, run: str) -> None:
        self.run = run
        self.secret, self.vital, self.own = f"SECRET2x{run}", f"VITAL1x{run}", f"OWN1x{run}"
        encoded = base64.b64encode(self.secret.encode()).decode()
        self.secrets = (self.secret, encoded)
        self.resources = [*self._people(), *self._records(), *self._observations(), *self._nobodys()]
        self.deleted = (self.ref("Observation/x1"), self.ref("Observation/x2"))

    def id(self, name: str) -> str:
        return f"{name}-{self.run}"

    def ref(self, name: str) -> str:
        """``Patient/p1`` → the reference to it in this run."""
        return f"{name}-{self.run}"

    def seconds(self) -> list[str]:
        """The references of everything that holds a word of p2 as it stands now."""
        current = {f"{each['resourceType']}/{each['id']}": each for each in self.resources}
        return [name for name, each in current.items() if _holds(each, self.secrets) and name not in self.deleted]

    def make(self, type: str, name: str, /, **members: Any) -> Resource:
        return {"resourceType": type, "id": self.id(name), **members}

    def observation(self, name: str, subject: str, category: str, words: str, /, **members: Any) -> Resource:
        return self.make(
            "Observation", name, status="final", subject=self.to(f"Patient/{subject}"), valueString=words,
            category=[{"coding": [{"system": CATEGORIES, "code": category}]}], code={"text": "a measurement"},
            effectiveDateTime="2026-01-02T03:04:05Z", **{"identifier": [self.identifier(name)], **members},
        )  # fmt: skip

    def new(self, subject: str = "p1", **members: Any) -> Resource:
        """An Observation to create, without anything of a patient's but the reference."""
        made = self.observation("new", subject, "laboratory", "value", **members)
        return {name: value for name, value in made.items() if name not in ("id", "identifier") or name in members}

    def to(self, name: str) -> Resource:
        return {"reference": self.ref(name)}

    def identifier(self, name: str) -> Resource:
        return {"system": SYSTEM, "value": self.id(name)}

    def _people(self) -> Iterator[Resource]:
        first = self.make("Patient", "p1", name=[{"family": self.own}], birthDate="1950-01-01")
        yield first
        link = [{"other": self.to("Patient/p1"), "type": "seealso"}]
        yield self.make("Patient", "p2", name=[{"family": self.secret}], birthDate="1960-02-03", link=link)
        yield {**first, "link": [{"other": self.to("Patient/p2"), "type": "seealso"}]}
        yield self.make("Organization", "org", name="Ward")
        yield self.make("Location", "loc", name="Room")
        yield self.make("Medication", "med", code={"text": "aspirin"})
        for name in ("dr", "dr2"):
            yield self.make("Practitioner", name, name=[{"family": "Doctor"}])
        yield self.make("RelatedPerson", "rp1", patient=self.to("Patient/p1"), name=[{"text": self.own}])
        yield self.make("RelatedPerson", "rp2", patient=self.to("Patient/p2"), name=[{"text": self.secret}])

    def _observations(self) -> Iterator[Resource]:
        one, two = self.to("Patient/p1"), self.to("Patient/p2")
        yield self.observation("o1", "p1", "laboratory", self.own, encounter=self.to("Encounter/e1"))
        yield self.observation("mixed", "p1", "laboratory", self.own)
        yield self.observation("v1", "p1", "vital-signs", self.vital)
        twice = [self.identifier("o2"), self.identifier("several")]
        yield self.observation(
            "o2", "p2", "laboratory", self.secret, encounter=self.to("Encounter/e2"), identifier=twice
        )
        yield self.observation("v2", "p2", "vital-signs", self.secret, identifier=[self.identifier("several")])
        yield self.observation("focus", "p2", "laboratory", self.secret, focus=[one])
        yield self.observation("performed", "p2", "laboratory", self.secret, performer=[one])
        for name in ("x1", "x2"):
            yield self.observation(
                name, *(("p1", "laboratory", self.own) if name == "x1" else ("p2", "laboratory", self.secret))
            )
        yield self.observation("given", "p1", "laboratory", self.own)
        yield self.observation("given", "p2", "laboratory", self.secret)
        yield self.observation("taken", "p2", "laboratory", self.secret)
        yield self.observation("taken", "p1", "laboratory", self.own)
        yield self.observation("relabelled", "p1", "vital-signs", self.vital)
        yield self.observation("relabelled", "p1", "laboratory", self.own)
        panel = [self.to("Observation/v1"), self.to("Observation/o2")]
        yield self.observation("panel", "p1", "laboratory", self.own, hasMember=panel)
        results = [self.to(f"Observation/{name}") for name in ("o1", "o2", "v1")]
        report: Resource = {"status": "final", "code": {"text": "panel"}}
        yield self.make("DiagnosticReport", "d1", subject=one, result=results, **report)
        yield self.make("DiagnosticReport", "d2", subject=two, result=results[:1], conclusion=self.secret, **report)

    def _records(self) -> Iterator[Resource]:
        for name, words in (("1", self.own), ("2", self.secret)):
            whose = self.to(f"Patient/p{name}")
            yield self.make(
                "Encounter", f"e{name}", status="in-progress", subject=whose, reasonCode=[{"text": words}],
                **{"class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"}},
            )  # fmt: skip
            yield self.make(
                "Condition", f"k{name}", subject=whose, asserter=self.to("Patient/p1"), code={"text": words}
            )
            yield self.make("Basic", f"basic{name}", subject=whose, author=self.to("Patient/p1"), code={"text": words})
            yield self.make("Binary", f"bin{name}", contentType="text/plain", data=_encoded(words),
                            securityContext=self.to("Patient/p1"))  # fmt: skip
            attachment = {"contentType": "text/plain", "url": self.ref(f"Binary/bin{name}"), "title": words}
            yield self.make(
                "DocumentReference", f"doc{name}", status="current", subject=whose, content=[{"attachment": attachment}]
            )
            yield self.make("Device", f"dev{name}", patient=whose, serialNumber=words)
            yield self.make("CareTeam", f"team{name}", subject=whose, participant=[{"member": self.to("Patient/p1")}],
                            name=words)  # fmt: skip
            yield self.make("Communication", f"com{name}", status="completed", subject=whose,
                            recipient=[self.to("Patient/p1")], payload=[{"contentString": words}])  # fmt: skip
            yield self.make("Task", f"task{name}", status="requested", intent="order", description=words,
                            **{"for": whose}, requester=self.to("Patient/p1"))  # fmt: skip
        yield self.make(
            "Coverage", "c1", status="active", beneficiary=self.to("Patient/p1"), subscriber=self.to("Patient/p2"),
            payor=[self.to("Organization/org")],
        )  # fmt: skip
        yield self.make(
            "Coverage", "c2", status="active", beneficiary=self.to("Patient/p2"), subscriber=self.to("Patient/p1"),
            payor=[self.to("Organization/org")], subscriberId=self.secret,
        )  # fmt: skip

    def _nobodys(self) -> Iterator[Resource]:
        """What is several patients', or nobody's."""
        yield self.make("Device", "dev0", deviceName=[{"name": "model", "type": "model-name"}])
        both = [self.to("Observation/o1"), self.to("Observation/o2")]
        for name, targets, words in (("both", both, self.secret), ("only", both[:1], self.own)):
            agent = [{"who": {"display": words}}]
            yield self.make("Provenance", f"prov-{name}", target=targets, recorded="2026-01-02T03:04:05Z", agent=agent)
        members = [{"entity": self.to("Patient/p1")}, {"entity": self.to("Patient/p2")}]
        yield self.make("Group", "group", type="person", actual=True, name=self.secret, member=members)
        yield self.make(
            "List", "list", status="current", mode="working", title=self.secret, entry=[{"item": each} for each in both]
        )
        yield self.make(
            "Task", "task3", status="requested", intent="order", description=self.secret,
            focus=self.to("Observation/o2"), requester=self.to("Practitioner/dr"),
        )  # fmt: skip
        yield self.make(
            "AuditEvent", "audit", type={"code": "rest"}, recorded="2026-01-02T03:04:05Z", outcomeDesc=self.secret,
            agent=[{"requestor": True}], source={"observer": {"display": "ehr"}},
            entity=[{"what": self.to("Patient/p1")}, {"what": self.to("Patient/p2")}],
        )  # fmt: skip


def _encoded(words: str) -> str:
    return base64.b64encode(words.encode()).decode()


def _holds(value: Any, words: tuple[str, ...]) -> bool:
    if isinstance(value, dict):
        return any(_holds(each, words) for each in value.values())
    return any(_holds(each, words) for each in value) if isinstance(value, list) else value in words
