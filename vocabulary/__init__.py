"""The product's words as frozen values that several rooms need: parse and format, no behaviour beyond that."""
