"""An offer and what became of it, in sentences: short, warm, in the reader's language.

Every function takes a `Voice` first and gives plain text, which the page still has to escape.
"""
