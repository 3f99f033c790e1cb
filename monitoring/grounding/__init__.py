"""Groundedness of texts: each claim of a text against the exact resources that its model was given.

``index.build`` reads a chart once, ``checker.check`` judges any number of texts against it. Everything here is a function of
values. What it cannot check it says so: a text is never called right for want of a rule.
"""
