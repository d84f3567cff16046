"""The terms of a program: one JSON document, read strictly, filled in completely, then never changed.

`parse.parse_terms` is the way in. `document.Terms` is what every rule reads; it imports nothing of the web or
of the database, so that policies may stand on it.
"""
