"""How sandbox EHRs depart from the specifications: one declaration in one file each (house.md §9)."""

from collections.abc import Mapping

from sandbox.personas.athena import ATHENA
from sandbox.personas.eclinicalworks import ECLINICALWORKS
from sandbox.personas.epic import EPIC
from sandbox.personas.hapi import HAPI
from sandbox.personas.meditech import MEDITECH
from sandbox.personas.oracle import ORACLE
from sandbox.personas.persona import Persona
from sandbox.personas.spec import SPEC
from sandbox.personas.uscore9 import USCORE9
from sandbox.personas.veradigm import VERADIGM

__all__ = ["PERSONAS", "SPEC", "Persona"]

PERSONAS: Mapping[str, Persona] = {
    persona.name: persona for persona in (SPEC, HAPI, EPIC, ORACLE, VERADIGM, ATHENA, ECLINICALWORKS, MEDITECH, USCORE9)
}
"""By name; ``spec`` first, which is the one chosen when none is named."""
