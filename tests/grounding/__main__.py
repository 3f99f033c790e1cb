"""``python -m tests.grounding``: the rates by kind of sentence, as the document has them."""

from tests.grounding.rates import markdown, rows

print(markdown(rows()))
