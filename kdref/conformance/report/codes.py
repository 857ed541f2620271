"""The codes that a diagnosis can report: what each means, what it changes, what it leaves alone, its repair."""

from typing import NamedTuple


class Code(NamedTuple):
    """One code.

    Attributes
    ----------
    verdict : str
        ``"agrees"``, ``"convention"`` or ``"wrong"``.
    meaning : str
        What the loss does.
    changes, leaves : str
        What that changes and what it leaves alone.
    repair : str
        One line, with words of `kdref.conformance.report.repairs.WORDS` in braces.
    """

    verdict: str
    meaning: str
    changes: str
    leaves: str
    repair: str


CODES: dict[str, Code] = {
    "AGREES": Code(
        "agrees", "the Hinton loss, to rounding", "nothing", "value and gradient", "nothing to repair",
    ),
    # Conventions
    "SOFT_ONLY": Code(
        "convention", "there is no hard term", "labels are not learned from", "the direction of the soft term",
        "add (1 - alpha) * {ce}, unless labels are absent on purpose",
    ),
    "ALPHA_ON_HARD": Code(
        "convention", "alpha weights the hard term", "alpha means what 1 - alpha means elsewhere",
        "everything, once alpha is exchanged; nothing at alpha = 0.5", "alpha * soft + (1 - alpha) * hard",
    ),
    "FREE_WEIGHTS": Code(
        "convention", "the weights are not alpha and 1 - alpha", "the balance and the scale of the two terms",
        "both terms themselves", "alpha * soft + (1 - alpha) * hard, or say the weights where you quote alpha",
    ),
    "CROSS_ENTROPY_NOT_KL": Code(
        "convention", "a soft cross entropy stands in place of KL",
        "the value: it is larger by the teacher's entropy and never reaches 0",
        "the gradient of the soft term, exactly",
        "soft = {kl}, with p = {p} and log_q = {log_q}",
    ),
    "ROW_SUM": Code(
        "convention", "summed over the rows, not averaged", "the scale grows with the batch, so that the learning "
        "rate depends on it", "the direction", "divide by the number of rows",
    ),
    "CONSTANT_FACTOR": Code(
        "convention", "a constant factor stands in front", "the balance of the terms, or the learning rate",
        "the direction of each term", "drop the constant, or say it where you quote alpha",
    ),
    "CONSTANT_OFFSET": Code(
        "convention", "something is added that no logit changes",
        "the value; zero is no longer agreement (a factor inside the target does this)", "the gradient, exactly",
        "multiply the finished divergence by the factor, not its target",
    ),
    "LABEL_SMOOTHING": Code(
        "convention", "the hard term smooths its labels", "the hard term's optimum", "the soft term",
        "hard = {ce}, unless smoothing is wanted beside a teacher",
    ),
    "LOG_BASE_2": Code(
        "convention", "logarithms in base 2", "every value is larger by 1/ln 2 = 1.4427", "the direction",
        "use the natural logarithm",
    ),
    "EPSILON": Code(
        "convention", "an epsilon or a clamp stands inside a logarithm",
        "confident predictions: the loss is capped and its gradient fades there", "moderate logits",
        "log_q = {log_q} needs no epsilon",
    ),
    "KL_REVERSED": Code(
        "convention", "KL(student || teacher): the arguments are reversed",
        "mode-seeking in place of mode-covering; on purpose as often as by mistake", "the optimum",
        "for forward KL: {kl}, with p = {p} and log_q = {log_q}",
    ),
    "OTHER_LOSS": Code(
        "convention", "another loss than a KL divergence", "what is learned before the optimum; on purpose as often "
        "as by mistake", "the optimum, as a rule", "for the Hinton loss: {kl}, with p = {p} and log_q = {log_q}",
    ),
    "NOT_THE_REFERENCE": Code(
        "convention", "another formula than the reference that was named", "the value, by what is seen",
        "what the two formulas share", "bring the formula and the reference above together",
    ),
    # Wrong values
    "CLASS_MEAN": Code(
        "wrong", "divided by the number of classes", "the soft term is C times too small beside the hard one",
        "its direction", "sum over classes and average over rows: {kl}",
    ),
    "ROW_MEAN_TWICE": Code(
        "wrong", "divided by the number of rows twice", "the term shrinks as the batch grows", "its direction",
        "divide by the number of rows once: {kl}",
    ),
    "T_SQUARED_MISSING": Code(
        "wrong", "the factor T^2 is missing", "the soft gradients fade as 1/T^2 beside the hard term's",
        "the direction of the soft term; in soft-only training it is a learning rate", "T**2 * {kl}",
    ),
    "T_SQUARED_TWICE": Code(
        "wrong", "the factor T^2 stands twice", "the soft term grows as T^2 beside the hard one",
        "the direction of the soft term", "T**2 * {kl}",
    ),
    "T_SQUARED_INVERTED": Code(
        "wrong", "divided by T^2 where it should be multiplied", "the soft gradients fade as 1/T^4",
        "the direction of the soft term", "T**2 * {kl}",
    ),
    "TEMPERATURE_IGNORED": Code(
        "wrong", "no logits are divided by the temperature", "the teacher is never softened, whatever T says",
        "everything at T = 1", "p = {p}, log_q = {log_q}",
    ),
    "TEMPERATURE_FIXED": Code(
        "wrong", "a fixed temperature stands in the code", "T has no effect where it is expected to",
        "everything at that temperature", "p = {p}, log_q = {log_q}",
    ),
    "STUDENT_NOT_SOFTENED": Code(
        "wrong", "the student's logits are not divided by T", "the student is asked to be as soft as the teacher at "
        "T, at temperature 1", "everything at T = 1", "log_q = {log_q}",
    ),
    "TEACHER_NOT_SOFTENED": Code(
        "wrong", "the teacher's logits are not divided by T", "the student is asked at T for what the teacher says "
        "at 1", "everything at T = 1", "p = {p}",
    ),
    "HARD_AT_TEMPERATURE": Code(
        "wrong", "the hard term softens the student, too", "the hard gradient fades as 1/T", "everything at T = 1",
        "hard = {ce}",
    ),
    "T_POWER": Code(
        "wrong", "another power of the temperature", "the balance of the terms depends on T", "everything at T = 1",
        "T**2 * {kl} and no T elsewhere",
    ),
    "TEMPERATURE_MULTIPLIED": Code(
        "wrong", "logits are multiplied by T", "a higher T sharpens", "everything at T = 1",
        "p = {p}, log_q = {log_q}",
    ),
    "TEMPERATURE_AFTER_LOG": Code(
        "wrong", "log-probabilities are divided by T, where logits should be", "what comes out is no distribution: the "
        "student is not softened, and the value can be negative", "everything at T = 1",
        "p = {p}, log_q = {log_q}",
    ),
    "ALPHA_DISCONTINUOUS": Code(
        "wrong", "another formula at an end of alpha", "a sweep over alpha jumps there", "the values between",
        "use one formula for every alpha",
    ),
    "SPECIAL_BRANCH": Code(
        "wrong", "another formula at one value of a parameter", "a sweep jumps there", "every other value",
        "use one formula for every value",
    ),
    "NEGATIVE_WEIGHT": Code(
        "wrong", "a term that should be minimised has a negative weight", "training drives the student away from what "
        "that term compares it with", "the other terms",
        "give every term a weight of at least 0, as alpha * soft + (1 - alpha) * hard; a mean of p * log_q or of "
        "log-probabilities at the labels is negative and needs a minus",
    ),
    "LABELS_ON_TEACHER": Code(
        "wrong", "the hard term compares the labels with the teacher", "labels are not learned from: the hard term is "
        "a constant for the student", "the soft term", "hard = {ce}",
    ),
    "ROLES_SWAPPED": Code(
        "wrong", "student and teacher have exchanged their roles", "the teacher is trained towards the student",
        "nothing", "call with (student, teacher, labels) in the order of the signature",
    ),
    "SOFTMAX_NOT_LOG": Code(
        "wrong", "probabilities stand where log-probabilities belong", "the value is negative and the gradient is "
        "another loss's", "nothing", "log_q = {log_q}",
    ),
    "NO_SOFTMAX": Code(
        "wrong", "raw logits stand where probabilities belong", "a constant added to a row changes the loss",
        "nothing", "p = {p}, log_q = {log_q}",
    ),
    "DOUBLE_SOFTMAX_HARD": Code(
        "wrong", "the hard term takes a softmax of a softmax", "the loss cannot fall below ln(1 + (C - 1)/e), and "
        "its gradients are small", "the soft term", "hard = {ce}, of logits",
    ),
    "DOUBLE_SOFTMAX_SOFT": Code(
        "wrong", "the soft term takes a softmax of a softmax", "the distributions are nearly uniform whatever the "
        "logits are", "the hard term", "p = {p}, log_q = {log_q}, of logits",
    ),
    "SOFTMAX_WRONG_AXIS": Code(
        "wrong", "the softmax runs over another axis than the classes", "examples compete with each other",
        "nothing", "softmax with {axis}",
    ),
    "TEACHER_IGNORED": Code(
        "wrong", "the loss does not depend on the teacher in any way that the student could learn from",
        "there is no distillation", "the hard term", "soft = {kl}, with p = {p}",
    ),
    "NOT_FINITE": Code(
        "wrong", "not finite on ordinary inputs", "training stops", "nothing",
        "log_q = {log_q}; give kl_div log-probabilities first and probabilities second, or logarithms on both sides "
        "with log_target=True",
    ),
    # Wrong in ways that a value cannot show
    "GRADIENT_MISMATCH": Code(
        "wrong", "the gradient is not the derivative of the value", "training minimises another loss than the one "
        "that is logged", "the value", "differentiate the value: for T^2 KL it is T * (q - p) / N",
    ),
    "TEACHER_GETS_GRADIENT": Code(
        "wrong", "a gradient reaches the teacher if its logits require one", "memory; the teacher's weights, if "
        "the optimiser holds them", "the value and the student's gradient; everything, where the teacher runs "
        "without gradients", "use {constant}",
    ),
    "INPUT_MUTATED": Code(
        "wrong", "an input is written to", "whoever uses those logits next gets other ones", "the value",
        "{copy}, not in place",
    ),
    "ROW_COUPLING": Code(
        "wrong", "a row's loss depends on the other rows", "the loss of an example changes with its batch",
        "a batch of one", "reduce with {axis} before the mean over rows",
    ),
    "PADDING_COUNTED": Code(
        "wrong", "rows that should be ignored are counted", "padding is trained on, or dilutes the mean", "batches "
        "without padding", "select rows with labels != ignore_index before both terms",
    ),
    "UNSTABLE": Code(
        "wrong", "not finite on inputs for which the formula is finite", "training can end in NaN",
        "moderate logits", "log_q = {log_q} and log_p = {log_p}",
    ),
    "IMPRECISE": Code(
        "wrong", "less accurate than its dtype allows", "small losses are noise", "large values",
        "compute in a wider type: {double}",
    ),
    "NONDETERMINISTIC": Code(
        "wrong", "two calls with the same inputs differ", "nothing can be compared", "nothing",
        "switch off dropout, or pass the random generator in",
    ),
}  # fmt: skip
"""Every code, in the order in which a report lists them."""
