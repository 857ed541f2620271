from importlib.util import find_spec

# Doctests are collected from every module, and this one needs a framework that the default run does without.
NEEDING_TORCH = ["by_hand_torch.py", "first_sight.py", "fourth_batch.py"]
collect_ignore = [] if find_spec("torch") else NEEDING_TORCH
