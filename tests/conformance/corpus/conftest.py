from importlib.util import find_spec

# Doctests are collected from every module, and this one needs a framework that the default run does without.
collect_ignore = [] if find_spec("torch") else ["by_hand_torch.py", "first_sight.py"]
