"""The workflow engine: standard library only.

It takes a journal, a clock and node types, and runs a graph. What it does is
told in events; what it knows after a crash is the fold of those events.

``graph`` parses a payload, ``validate`` finds what is wrong with it, ``plan``
links nodes to what feeds them, ``inputs`` and ``bypass`` resolve values,
``streams`` carries chunks, ``events`` names and folds what happened, ``run``
schedules it all.
"""
