"""An output from what was said to what becomes of it: intake, gate, groundedness, decisions, corrections, recalls."""
