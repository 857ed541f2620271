"""The live page's JavaScript against kdref, in node; what the page does with it is tested in test_site.py."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kdref

SCRIPT = Path(__file__).parents[1] / "docs" / "_static" / "temperature.js"
RUN = """
require(process.argv[1]);
const cases = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(cases.map((c) => kdrefTemperature.distil(c, c.temperature, c.alpha))));
"""

TEMPERATURES = (0.25, 0.5, 1.0, 2.0, 4.0, 7.3, 32.0)
SCALES = (0.0, 1e-9, 1e-3, 1.0, 30.0, 1000.0)
"""Of the differences between student and teacher: from agreement to both being certain."""

# JavaScript carries no corrections: the rounding of an exponent u costs |u| / 2 ulp, and probabilities reach
# float64's end at u = -745. That is 8e-14; the largest difference seen is 4e-14.
RELATIVE = 1e-13


def cases() -> list[dict[str, Any]]:
    rng = np.random.default_rng(20150309)
    made = []
    for temperature in TEMPERATURES:
        for scale in SCALES:
            offset = rng.choice([0.0, 1e8])  # lost at once where T divides before the shift
            teacher = offset + rng.normal(scale=max(3.0, scale), size=5)
            student = teacher + scale * rng.normal(size=5)
            made.append(
                {
                    "teacher": teacher.tolist(),
                    "student": student.tolist(),
                    "label": int(rng.integers(5)),
                    "temperature": temperature,
                    "alpha": round(float(rng.uniform()), 3),
                }
            )
    return made


def expected(case: dict[str, Any]) -> dict[str, Any]:
    """What kdref says, by the page's names."""
    student, teacher, labels = [case["student"]], [case["teacher"]], [case["label"]]
    soft, whole = {"temperature": case["temperature"]}, {"alpha": case["alpha"]}
    p = kdref.softmax(case["teacher"], **soft)
    return {
        "p": p,
        "q": kdref.softmax(case["student"], **soft),
        "entropy": kdref.entropy_from_logits(case["teacher"], **soft),
        "kl": kdref.forward_kl_loss(student, teacher, **soft),
        "hardLoss": kdref.hard_label_loss(student, labels),
        "loss": kdref.distillation_loss(student, teacher, labels, **soft, **whole),
        "softGradient": kdref.forward_kl_loss_grad(student, teacher, **soft)[0],
        "hardGradient": kdref.hard_label_loss_grad(student, labels)[0],
        "gradient": kdref.distillation_loss_grad(student, teacher, labels, **soft, **whole)[0],
    }


def test_live_page_computes_what_kdref_does() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node")
    given = cases()
    done = subprocess.run(
        [node, "-e", RUN, str(SCRIPT)],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    for case, got in zip(given, json.loads(done.stdout), strict=True):
        for name, value in expected(case).items():
            np.testing.assert_allclose(
                got[name], value, rtol=RELATIVE, atol=1e-300, err_msg=f"{name} of {case}"
            )
