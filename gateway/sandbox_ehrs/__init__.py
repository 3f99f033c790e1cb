"""The sandbox EHRs of an installation: opened, filled, faulty on request, with HAPI behind or not."""
