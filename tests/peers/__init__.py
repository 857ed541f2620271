"""Every loss against a second implementation that shares no formula with it (marker ``peers``).

- `published`: what packages compute under the same or another name, with the relation to kdref's loss written out;
- `transcribed`: for the losses that no package has, the paper's formula in PyTorch, differentiated by autograd;
- `agreement`: value and gradient of both sides, and how far they are apart.

Run ``python -m tests.peers`` for the table of the largest differences.
"""
