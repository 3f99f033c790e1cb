"""The conformance suite: what a server was seen to do, against what the specifications say. It believes nobody."""

from conformance.probe import CannotRun as CannotRun
from conformance.run import run as run
