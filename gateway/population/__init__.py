"""A population scored from the files of a bulk export: sorted by patient, judged and scored chart by chart."""
