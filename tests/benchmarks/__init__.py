"""Scripts that measure: speed and memory against other libraries, and everybody's digits against the oracle.

They are no tests; pytest collects nothing here.  Each writes a result file into ``results/``, from which the tables of
``docs/explanation/accuracy.md`` are made.  The other libraries come with the extra ``peers``.
"""
