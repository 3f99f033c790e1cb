"""Tables generated from hl7.fhir.r4.core 4.0.1, CC0-1.0 by r4/generate.py."""
