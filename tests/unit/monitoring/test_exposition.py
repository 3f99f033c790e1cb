"""The exposition is what prometheus-client reads, however odd a name is."""

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from monitoring.events import Event
from monitoring.exposition import Exposition
from vocabulary.signal import Signal

ODD = 'a"b\\c\nd'


def test_counters_and_signals_are_read_back_by_prometheus_client() -> None:
    exposition = Exposition({("output", ("m", "1", "risk", "pending")): 3})
    exposition.tell([Event(what="output", ehr="spec", model="m", version="1", kind="risk", state="pending")])
    exposition.tell([Event(what="refusal", ehr="spec", model="m", reason="out_of_range")])
    signals = [
        Signal(monitor="M-IN-01", model="m", version="1", ehr="spec", source=ODD, level="warning", value=0.06, n=1000),
        Signal(monitor="M-IN-02", model="m", version="1", ehr="spec", source="x", stratum="sex=female"),
    ]
    text = exposition.text([msgspec.json.encode(signals)]).decode()
    found = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found["chartgate_outputs_total", "1", "m", "pending", "risk"] == 4
    assert found["chartgate_refusals_total", "m", "out_of_range"] == 1
    assert found["chartgate_signal_level", *sorted(["m", "1", "spec", "M-IN-01", ODD, ""])] == 2
    assert found["chartgate_signal_value", *sorted(["m", "1", "spec", "M-IN-01", ODD, ""])] == 0.06
    assert found["chartgate_signal_level", *sorted(["m", "1", "spec", "M-IN-02", "x", "sex=female"])] == 0
    assert ("chartgate_signal_value", *sorted(["m", "1", "spec", "M-IN-02", "x", "sex=female"])) not in found


def test_every_family_is_named_once_with_its_help() -> None:
    lines = Exposition({}).text().decode().splitlines()
    types = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    helps = [line.split()[2] for line in lines if line.startswith("# HELP")]
    assert types == helps
    assert len(types) == len(set(types)) == 9
