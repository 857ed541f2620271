"""Distils one student with ten losses under equal tuning budgets: ``python notebooks/family_of_losses.py``.

Writes ``family_of_losses.json`` beside itself.  Takes a few minutes on one core.

Each objective is the hard-label loss plus a weight times one distillation loss.  For each, the same six random
settings (learning rate, weight and, where the loss has one, temperature) are tried on two divisions of the images, the
best on validation images is trained anew on eight other divisions, and only then the test images are looked at.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from kdref import LOSSES, hard_label_loss_grad
from kdref.datasets import load_digits, stratified_split
from kdref.network import backward, forward, initialise
from kdref.training import Adam, Schedule, accuracy, train

RESULTS = Path(__file__).with_suffix(".json")

NONE = "labels alone"
NAMES = (
    NONE,
    "forward_kl",
    "reverse_kl",
    "symmetric_kl",
    "generalised_js",
    "skew_forward_kl",
    "total_variation",
    "logit_mse",
    "decoupled_kd",
    "dist",
)
N_TRIALS, TUNING_SEEDS, FINAL_SEEDS = 6, (100, 101), tuple(range(8))
N_EPOCHS, BATCH_SIZE = 20, 64
TEACHER_SIZES, STUDENT_SIZES = (64, 200, 10), (64, 8, 10)
TEST_SEED = 1998


def divided(seed: int) -> dict[str, tuple[Any, Any]]:
    """Images and labels: the test images are always the same, the others are divided anew."""
    images = load_digits()
    inputs, labels = images.images.reshape(-1, 64) / 16.0, images.labels
    rest, test = stratified_split(labels, (0.6, 0.4), rng=np.random.default_rng(TEST_SEED))
    parts = stratified_split(labels[rest], (0.75, 0.25), rng=np.random.default_rng([seed, 0]))
    indices = {"train": rest[parts[0]], "validation": rest[parts[1]], "test": test}
    return {name: (inputs[rows], labels[rows]) for name, rows in indices.items()}


def taught(seed: int) -> tuple[dict[str, tuple[Any, Any]], Any, float]:
    """The division, the teacher's logits of the training images, and its accuracy on the test images."""
    data, rng = divided(seed), np.random.default_rng([seed, 1])
    schedule = Schedule(Adam(0.003), n_epochs=30, batch_size=BATCH_SIZE, dropout=0.2)
    teacher = train(
        initialise(TEACHER_SIZES, rng=rng), *data["train"], schedule=schedule, rng=rng
    ).parameters
    tested = accuracy(forward(teacher, data["test"][0]).logits, data["test"][1])
    return data, forward(teacher, data["train"][0]).logits, tested


def setting(trial: int) -> dict[str, float]:
    """The same random settings for every loss."""
    rng = np.random.default_rng([7, trial])
    return {
        "learning_rate": float(10.0 ** rng.uniform(-2.5, -1.3)),
        "weight": float(10.0 ** rng.uniform(-0.5, 1.5)),
        "temperature": float(2.0 ** rng.uniform(0.0, 3.0)),
    }


def student(name: str, chosen: dict[str, float], seed: int, data: Any, teacher: Any) -> Any:
    """A student trained on labels plus the weighted loss."""
    inputs, labels = data["train"]
    rng, optimiser = np.random.default_rng([seed, 2]), Adam(chosen["learning_rate"])
    state = optimiser.start(initialise(STUDENT_SIZES, rng=rng, activation="tanh"))
    for _ in range(N_EPOCHS):
        order = rng.permutation(len(inputs))
        for begin in range(0, len(order), BATCH_SIZE):
            rows = order[begin : begin + BATCH_SIZE]
            passed = forward(state.parameters, inputs[rows], activation="tanh")
            grad = hard_label_loss_grad(passed.logits, labels[rows])
            if name != NONE:
                entry = LOSSES[name]
                options = dict(entry.parameters)
                if "temperature" in options:
                    options["temperature"] = chosen["temperature"]
                given = {"teacher_logits": teacher[rows], "labels": labels[rows]}
                others = [given[key] for key in entry.inputs[1:]]
                grad = grad + chosen["weight"] * entry.grad(passed.logits, *others, **options)
            state = optimiser.step(state, backward(state.parameters, passed, grad))
    return state.parameters


def scored(parameters: Any, part: tuple[Any, Any]) -> float:
    """Accuracy of a student."""
    return accuracy(forward(parameters, part[0], activation="tanh").logits, part[1])


def main() -> None:
    """Tune, train, and write everything down."""
    problems = {seed: taught(seed) for seed in (*TUNING_SEEDS, *FINAL_SEEDS)}
    results: dict[str, Any] = {
        "teacher": [problems[seed][2] for seed in FINAL_SEEDS],
        "settings": [setting(trial) for trial in range(N_TRIALS)],
        "losses": {},
    }
    for name in NAMES:
        trials = [
            [
                scored(
                    student(name, setting(t), seed, *problems[seed][:2]),
                    problems[seed][0]["validation"],
                )
                for seed in TUNING_SEEDS
            ]
            for t in range(N_TRIALS)
        ]
        best = int(np.argmax(np.mean(trials, axis=1)))
        tests = [
            scored(
                student(name, setting(best), seed, *problems[seed][:2]), problems[seed][0]["test"]
            )
            for seed in FINAL_SEEDS
        ]
        results["losses"][name] = {"validation": trials, "chosen": best, "test": tests}
        sys.stdout.write(f"{name:18} trial {best}, test {np.mean(tests):.4f}\n")
        sys.stdout.flush()
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
