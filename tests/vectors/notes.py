"""What each flag means: the one place where the notes are written."""

from typing import NamedTuple

ISSUES = "https://github.com/"

FORMULA, REDUCTION, OVERFLOW, PRECISION, INFINITIES, MASK, VALIDATION, CONVENTION = (
    "wrong formula",
    "wrong mean",
    "overflow",
    "lost digits",
    "infinities",
    "weights and masks",
    "missing check",
    "convention",
)


class Note(NamedTuple):
    """The text of a flag."""

    bug_type: str
    description: str
    effect: str
    links: tuple[str, ...] = ()


NOTES: dict[str, Note] = {
    # Mistakes: a vector that carries one of these names the value that the mistake returns.
    "T_SQUARED_MISSING": Note(
        FORMULA,
        "The soft term of the composite lacks the factor T^2.",
        "Its gradient shrinks with the square of T, so that alpha means something else at every temperature.",
        (ISSUES + "IntelLabs/distiller/issues/122", ISSUES + "keras-team/keras-io/issues/869"),
    ),
    "T_SQUARED_TWICE": Note(
        FORMULA,
        "The soft term is multiplied by T^4, often because the divergence called already contains T^2.",
        "The soft term drowns the labels at high temperatures.",
        (
            ISSUES
            + "HtutLynn/Knowledge_Distillation_Pytorch/blob/78130a3212e9305eee8e50498a59a945845eb9eb/train_kd.py",
        ),
    ),
    "T_SQUARED_INVERTED": Note(
        FORMULA,
        "The soft term is divided by T^2 in place of being multiplied.",
        "Distillation all but vanishes at high temperatures.",
    ),
    "T_SQUARED_ADDED": Note(
        CONVENTION,
        "T^2 is inside a loss that is defined without it.",
        "Alone it is a learning rate; inside a composite that has T^2 itself it counts twice.",
    ),
    "CLASS_MEAN": Note(
        REDUCTION,
        "Divided by the number of classes: a mean over all entries, where classes are summed and rows averaged.",
        "The loss is C times too small, so that a composite hardly distils with 1,000 classes.",
        (
            ISSUES + "pytorch/pytorch/issues/6622",
            ISSUES + "facebookresearch/deit/issues/61",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.KLDivLoss.html",
        ),
    ),
    "ROW_SUM": Note(
        CONVENTION,
        "The sum over rows in place of their mean.",
        "The loss grows with the batch, and with it the learning rate.",
        (ISSUES + "huggingface/transformers/issues/1181",),
    ),
    "ROW_MEAN_TWICE": Note(
        REDUCTION,
        "Divided by the number of rows twice.",
        "The loss shrinks with the batch.",
        (ISSUES + "huggingface/trl/pull/6006",),
    ),
    "CONSTANT_FACTOR": Note(
        CONVENTION,
        "Twice the value: a factor 1/2 is left out.",
        "A learning rate, unless other terms stand beside it.",
        (
            ISSUES + "mepeichun/Efficient-Neural-Network-Bilibili/issues/3",
            ISSUES + "clovaai/overhaul-distillation/issues/12",
        ),
    ),
    "LOG_BASE_2": Note(
        FORMULA, "Bits in place of nats.", "Value and gradient are larger by 1 / log 2, about 1.44."
    ),
    "KL_REVERSED": Note(
        FORMULA,
        "The arguments of the divergence are exchanged: KL(q, p) for KL(p, q), or the other way round.",
        "The student avoids what the teacher finds unlikely in place of covering what it finds likely, or vice versa.",
        (ISSUES + "pytorch/pytorch/issues/57459",),
    ),
    "ROLES_SWAPPED": Note(
        FORMULA,
        "Student and teacher are exchanged.",
        "The loss of the other one is computed; its gradient points elsewhere.",
        (
            ISSUES + "keras-team/keras-io/issues/257",
            ISSUES + "labmlai/annotated_deep_learning_paper_implementations/issues/66",
        ),
    ),
    "CROSS_ENTROPY_NOT_KL": Note(
        CONVENTION,
        "The cross entropy with the teacher in place of the divergence from it.",
        "The value is larger by the teacher's entropy and never reaches 0; the gradient is the same.",
        (ISSUES + "imirzadeh/Teacher-Assistant-Knowledge-Distillation/issues/4",),
    ),
    "KL_NOT_CROSS_ENTROPY": Note(
        CONVENTION,
        "The divergence from the teacher in place of the cross entropy with it.",
        "The value is smaller by the teacher's entropy; the gradient is the same.",
        (ISSUES + "szagoruyko/attention-transfer/issues/12",),
    ),
    "SOFTMAX_NOT_LOG": Note(
        FORMULA,
        "A softmax where its logarithm belongs: sum p (log p - q).",
        "The value is negative and bounded, and the gradient is another one.",
        (ISSUES + "microsoft/ProDA/issues/20",),
    ),
    "DOUBLE_SOFTMAX_HARD": Note(
        FORMULA,
        "Probabilities are given to a cross entropy that takes logits.",
        "The hard term cannot fall below log(1 + (C - 1) / e).",
        (ISSUES + "haitongli/knowledge-distillation-pytorch/issues/10",),
    ),
    "DOUBLE_SOFTMAX_SOFT": Note(
        FORMULA,
        "Probabilities are softened as if they were logits.",
        "Both distributions are nearly uniform, and the loss is nearly 0.",
        (ISSUES + "2018cx/Multi-Level-OT/issues/4",),
    ),
    "TEMPERATURE_IGNORED": Note(
        FORMULA,
        "The temperature is not used.",
        "Nothing is softened, whatever the setting says.",
        (ISSUES + "szq0214/MEAL-V2/issues/11",),
    ),
    "TEMPERATURE_MULTIPLIED": Note(
        FORMULA,
        "Logits are multiplied by the temperature.",
        "A high temperature sharpens.",
        (ISSUES + "bowang-lab/BLEEP/issues/5",),
    ),
    "STUDENT_NOT_SOFTENED": Note(
        FORMULA,
        "Only the teacher's logits are divided by the temperature.",
        "The loss is not 0 where student and teacher agree.",
        (
            ISSUES + "yuanli2333/Teacher-free-Knowledge-Distillation/issues/3",
            ISSUES + "yuanli2333/Teacher-free-Knowledge-Distillation/issues/24",
        ),
    ),
    "TEACHER_NOT_SOFTENED": Note(
        FORMULA,
        "Only the student's logits are divided by the temperature.",
        "The loss is not 0 where student and teacher agree.",
        (ISSUES + "lancopku/DynamicKD/issues/1",),
    ),
    "HARD_AT_TEMPERATURE": Note(
        FORMULA,
        "The hard term is softened too.",
        "Labels are learned from at the wrong temperature.",
        (
            ISSUES
            + "SforAiDl/KD_Lib/blob/174f1f797f9b2a40c68174e6753d4397e70bf3ff/KD_Lib/KD/vision/KA/LSR.py",
        ),
    ),
    "ALPHA_ON_HARD": Note(
        CONVENTION,
        "alpha weights the hard term.",
        "alpha means what 1 - alpha means here; at 0.5 nobody notices.",
        (ISSUES + "lucidrains/vit-pytorch/pull/91",),
    ),
    "NEGATIVE_WEIGHT": Note(
        FORMULA,
        "The soft term has the wrong sign: a minus is missing or one too many.",
        "Training drives the student away from its teacher.",
        (ISSUES + "higgsfield/Imagination-Augmented-Agents/issues/6",),
    ),
    "SMOOTHING_IGNORED": Note(
        FORMULA, "Labels are not smoothed.", "The plain cross entropy is computed."
    ),
    "SMOOTHING_OVER_OTHERS": Note(
        CONVENTION,
        "The smoothing is shared by the other classes alone: e / (C - 1), and 1 - e on the label.",
        "As with e (C / (C - 1)) here.",
    ),
    "SHARE_IGNORED": Note(
        FORMULA, "The mixture's parameter is not used.", "Another divergence of the same family."
    ),
    "SHARE_SWAPPED": Note(
        FORMULA,
        "The mixture's parameter weights the other side.",
        "Another divergence of the same family.",
        (ISSUES + "huggingface/trl/pull/3043",),
    ),
    # Inputs: what they reveal.
    "TWO_CLASSES": Note(
        FORMULA,
        "Two classes: a special branch, or a sigmoid in place of a softmax, shows here.",
        "Binary problems are wrong.",
    ),
    "ONE_CLASS": Note(
        FORMULA,
        "One class: every distribution is the same, and the gradient is 0.",
        "Divisions by C - 1 and empty sums give NaN.",
    ),
    "MANY_CLASSES": Note(
        PRECISION,
        "Twenty classes: rounding errors of sums add up, and a constant for C is found out.",
        "Digits are lost, or the mean is wrong.",
    ),
    "LARGE_SHIFT": Note(
        OVERFLOW,
        "A constant is added to a row, which changes no distribution: exponentials must be taken after the maximum "
        "is subtracted.",
        "Infinity or NaN where the loss is ordinary.",
    ),
    "LARGE_LOGITS": Note(
        OVERFLOW,
        "Logits of hundreds and thousands: an exponential overflows, the logarithm is taken of a probability that "
        "has underflowed, or the second most likely class is lost beside the first.",
        "Infinity or NaN where the loss is finite, or few digits of it.",
    ),
    "HUGE_LOGITS": Note(
        OVERFLOW,
        "Logits near the end of the range: squares and sums of them overflow.",
        "Infinity or NaN where the loss is huge and finite.",
    ),
    "TAILS": Note(
        OVERFLOW,
        "Probabilities down to 1e-304: the logarithm of a softmax must not be taken of the softmax.",
        "Infinity or NaN, or an epsilon inside the logarithm bounds the loss.",
    ),
    "TINY_TEMPERATURE": Note(
        OVERFLOW,
        "A temperature near 0: logits are large after the division.",
        "As with large logits.",
    ),
    "HUGE_TEMPERATURE": Note(
        PRECISION,
        "A temperature of 20 and more: the distributions are nearly uniform and nearly equal.",
        "A divergence of 1e-8 is a difference of numbers near 1, and has no digits left.",
    ),
    "NEAR_TEACHER": Note(
        PRECISION,
        "A student that has almost reached its teacher: log p - log q is a difference of nearly equal numbers.",
        "The loss is noise, negative half of the time, and so is q - p. Training is not harmed; a test that compares "
        "digits, or a stopping rule, is.",
        (ISSUES + "erfanzar/EasyDeL/pull/267",),
    ),
    "AT_TEACHER": Note(
        PRECISION,
        "Student and teacher agree: a divergence is exactly 0, and so is its gradient.",
        "A loss of -1e-17, whose square root is NaN.",
        (ISSUES + "pytorch/pytorch/issues/80488",),
    ),
    "CONFIDENT": Note(
        PRECISION,
        "One class 30 above the others: log(1 + 1e-13) needs log1p, and q - 1 is a difference of equal numbers.",
        "A loss of exactly 0 for a student that is not yet right, and a gradient of 0 for the label.",
    ),
    "NEAR_TIE": Note(
        PRECISION,
        "All logits of a row nearly equal: the distributions agree to 1e-12.",
        "As near the teacher.",
    ),
    "SUBNORMAL": Note(
        PRECISION,
        "Numbers below 2.2e-308: flushing them to 0 shows here.",
        "The logarithm of a probability that was flushed is infinite.",
    ),
    "LOG_PROBABILITIES": Note(
        FORMULA,
        "Rows that are log-probabilities already: nothing must treat them otherwise.",
        "A normalisation left out is hidden here and shows elsewhere.",
    ),
    "LARGE_FEATURES": Note(
        OVERFLOW,
        "Features of a million: fourth powers of them appear in losses of relations.",
        "Infinity in narrow numbers; an epsilon in a norm does not show.",
    ),
    "SMALL_FEATURES": Note(
        PRECISION,
        "Features of a millionth: an epsilon added to a norm shows here.",
        "The loss falls with the features' size where it should not.",
    ),
    "EXCLUDED_CLASS": Note(
        INFINITIES,
        "A logit of minus infinity: the class has probability 0, and 0 times its logarithm is 0.",
        "NaN from 0 times infinity, or from infinity minus infinity.",
        (ISSUES + "huggingface/trl/pull/5594",),
    ),
    "INFINITE_VALUE": Note(
        INFINITIES,
        "The student excludes what it is asked to believe in: the value is infinite. Where the gradient's formula is "
        "finite it is the gradient; where it is not there is none.",
        "An epsilon or a clip hides an infinite loss; NaN hides which row it was.",
    ),
    "WEIGHTED_ROWS": Note(
        MASK,
        "Rows have weights: the mean divides by their sum.",
        "Dividing by the number of rows makes the loss depend on how much is masked.",
    ),
    "IGNORED_ROWS": Note(
        MASK,
        "A row of weight 0 counts neither above nor below the line, whatever it holds.",
        "Padding is learned from, or its NaN poisons the batch: 0 times NaN is NaN.",
        (ISSUES + "ServiceNow/Fast-LLM/issues/344", ISSUES + "peremartra/optipfair/issues/34"),
    ),
    "EXTREME_WEIGHTS": Note(
        OVERFLOW,
        "Weights whose sum is beyond the range, though their shares are ordinary.",
        "The mean is 0 or NaN.",
    ),
    "NO_LABELS": Note(
        VALIDATION,
        "At alpha = 1 the labels have no weight and may be left out.",
        "A loss that asks for labels cannot distil without them.",
    ),
    "SHARE_NEAR_END": Note(
        FORMULA,
        "A mixture's parameter close to 0 or 1: the loss is continuous there.",
        "A jump from nearly 0 to a whole divergence at the end.",
        (
            ISSUES + "linkedin/Liger-Kernel/issues/278",
            ISSUES + "verl-project/verl-recipe/issues/151",
            ISSUES + "modelscope/ms-swift/issues/10078",
        ),
    ),
    "CONVENTION": Note(
        CONVENTION,
        "Several definitions are in use under this name; the vector has the answer of each.",
        "None, as long as one says which it is: the outcome does.",
    ),
    # What must be refused.
    "NOT_A_NUMBER": Note(
        VALIDATION,
        "A NaN among the inputs.",
        "A number comes out that means nothing; a maximum may swallow the NaN.",
    ),
    "POSITIVE_INFINITY": Note(
        VALIDATION,
        "An infinite logit or feature: infinity minus infinity has no meaning.",
        "A number comes out that means nothing.",
    ),
    "MINUS_INFINITY": Note(
        VALIDATION,
        "A logit of minus infinity in a loss that sees logits other than through a softmax.",
        "Infinity or NaN comes out, or an epsilon hides it.",
    ),
    "PARAMETER_RANGE": Note(
        VALIDATION,
        "A hyper-parameter outside its range.",
        "A term is learned backwards, or silently left out.",
    ),
    "EMPTY_ROW": Note(
        VALIDATION,
        "A row that excludes every class: there is no distribution.",
        "A uniform distribution, or 0, is made up.",
    ),
    "SHAPE": Note(
        VALIDATION,
        "Shapes that do not fit.",
        "Broadcasting compares every row with the first and returns a plausible number.",
    ),
    "ZERO_VECTOR": Note(
        VALIDATION,
        "A vector of zeros has no direction.",
        "An epsilon gives it one.",
    ),
    "LABEL_RANGE": Note(
        VALIDATION,
        "A label that is no class.",
        "An index from the end, or memory that is not the array's.",
    ),
    "LABEL_TYPE": Note(
        VALIDATION,
        "A label that is no integer.",
        "It is cut off to the class below.",
    ),
    "TEMPERATURE_RANGE": Note(
        VALIDATION,
        "A temperature that is not finite and above 0.",
        "At -1 likely and unlikely are exchanged, at infinity every loss is 0.",
    ),
    "WEIGHT_RANGE": Note(
        VALIDATION,
        "Weights that are negative, not finite, or all 0.",
        "A row pushes the student away from its teacher, or the mean is 0 / 0.",
    ),
    "SHARE_RANGE": Note(
        VALIDATION,
        "A share outside [0, 1].",
        "One term is learned backwards.",
    ),
}
"""A note for each flag, in the order of the reference."""
