"""What the monitors are told and by whom: the evaluator, outcomes, samples, signed thresholds."""
