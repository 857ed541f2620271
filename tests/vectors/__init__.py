"""Makes the test vectors of `kdref.conformance` from the oracle, and compares the files with what it makes.

- `drafts`: a vector before its digits are known;
- `formula`, `hard`, `edges`, `features`: which inputs there are, and what each is there to reveal;
- `losses`, `mistakes`, `conventions`: what each file's loss is, what it is mistaken for, and what else its name means;
- `answers`: digits and rounding floors, from `tests.oracle` alone;
- `notes`: what each flag means;
- `files`: the files, and how they are written.

Of kdref only the registry's words are used here.  What the library returns for the vectors is compared with them in
`tests/conformance/test_vectors.py`.  Run it as `python -m tests.vectors`, with ``--check`` to compare byte for byte.
"""
