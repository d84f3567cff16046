"""A package, as no other folder of tests is: the browser's event loop counts as running in the thread that started it,
so the browser is closed after the last test of this folder, and not at the end of the session.
"""
