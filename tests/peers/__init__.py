"""Every loss against a second implementation that shares no formula with it (marker ``peers``).

- `published`: what packages compute under the same or another name, with the relation to kdref's loss written out;
- `transcribed`: for the losses that no package has, the paper's formula in PyTorch, differentiated by autograd;
- `agreement`: value and gradient of both sides, and how far they are apart.

And what packages return under the name of a distillation loss:

- `packages`: their functions, called alike; `loading` brings one module of a package without the rest;
- `checked`: what `diagnose` says of them; `page`: the page of conventions.

Run ``python -m tests.peers`` for the table of the largest differences.
"""
