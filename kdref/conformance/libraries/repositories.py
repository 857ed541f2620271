"""Repositories of papers, read at a commit: tests compare with transcriptions of their source."""

from kdref.conformance.convention import Convention
from kdref.conformance.convention import distillation_convention as described
from kdref.conformance.libraries.packages import AT_ONE, STUDENT, TEACHER
from kdref.conformance.libraries.published import PublishedLoss
from kdref.conformance.terms import Floor, Term
from kdref.conformance.weights import weight

HAITONGLI = (
    "haitongli/knowledge-distillation-pytorch",
    "9937528f0be0efa979c745174fbcbe9621cea8b7",
    "2022-09",
)
MDISTILLER = "megvii-research/mdistiller", "a08d46f10d6102bd6e3f258ca5ac880b020ea259", "2023-11"
DEIT = "facebookresearch/deit", "7e160fe43f0252d17191b71cbb5826254114ea5b", "2024-03"

SOFT_ONLY = described(hard_weight=None, soft_weight="1")
CLASS_MEAN = described(reduction="mean")

REPOSITORIES = (
    PublishedLoss(
        "haitongli",
        *HAITONGLI,
        "model/net.py: loss_fn_kd",
        CLASS_MEAN,
        "source",
        temperature="temperature",
        alpha="alpha",
        note="The most copied one.  nn.KLDivLoss() divides by the number of classes; PyTorch warns that its next major "
        "release will make it divide by the rows only, which will change this loss by a factor of C.",
        threads=(
            "https://github.com/haitongli/knowledge-distillation-pytorch/issues/48",
            "https://github.com/haitongli/knowledge-distillation-pytorch/issues/2",
        ),
    ),
    PublishedLoss(
        "haitongli-mnist",
        *HAITONGLI,
        "mnist/distill_mnist.py: distillation",
        described(reduction="mean", soft_factor=2.0),
        "source",
        temperature="T",
        alpha="alpha",
        note="A factor of 2 that nobody explains, and the division by C.",
        threads=(
            "https://github.com/haitongli/knowledge-distillation-pytorch/issues/10",
            "https://github.com/mepeichun/Efficient-Neural-Network-Bilibili/issues/3",
        ),
    ),
    PublishedLoss(
        "takd",
        "imirzadeh/Teacher-Assistant-Knowledge-Distillation",
        "0f8168f4e7223134361cdd411eba0ab3b1123e29",
        "2019-10",
        "train.py: TrainManager.train",
        CLASS_MEAN,
        "source",
        temperature="T_student",
        alpha="lambda_student",
        threads=("https://github.com/imirzadeh/Teacher-Assistant-Knowledge-Distillation/issues/4",),
    ),
    PublishedLoss(
        "tf-kd",
        "yuanli2333/Teacher-free-Knowledge-Distillation",
        "d000ab378a409535a5f5f645b473e05e27529a02",
        "2022-02",
        "my_loss_function.py: loss_kd",
        CLASS_MEAN,
        "source",
        temperature="temperature",
        alpha="alpha",
        note="The authors tuned their alpha, 0.9 or 0.95 and T = 20, with the division by C.",
        threads=(
            "https://github.com/yuanli2333/Teacher-free-Knowledge-Distillation/issues/5",
            "https://github.com/yuanli2333/Teacher-free-Knowledge-Distillation/issues/41",
        ),
    ),
    PublishedLoss(
        "deit",
        *DEIT,
        "losses.py: DistillationLoss of type 'soft'",
        CLASS_MEAN,
        "source",
        temperature="tau",
        alpha="alpha",
        note="The hard term sees the class token's logits, the soft term the distillation token's; reduction='sum' and "
        "then numel(): the division by C is meant.",
        threads=(
            "https://github.com/facebookresearch/deit/issues/61",
            "https://github.com/facebookresearch/deit/issues/116",
        ),
    ),
    PublishedLoss(
        "deit-hard",
        *DEIT,
        "losses.py: DistillationLoss of type 'hard'",
        Convention(
            (
                (weight("1 - alpha"), Term("label", None, AT_ONE[1])),
                (weight("alpha"), Term("teacher choice", *AT_ONE)),
            )
        ),
        "source",
        alpha="alpha",
        note="The paper's own choice, with alpha = 0.5.",
        equivalent="(1 - alpha) * hard_label_loss(s, y) + alpha * hard_label_loss(s, t.argmax(axis=1))",
    ),
    PublishedLoss(
        "attention-transfer",
        "szagoruyko/attention-transfer",
        "893df5488f93691799f082a70e2521a9dc2ddf2d",
        "2018-07",
        "utils.py: distillation",
        described(),
        "source",
        temperature="T",
        alpha="alpha",
        note="The reference, written as a sum divided by the number of rows.",
        threads=("https://github.com/szagoruyko/attention-transfer/issues/12",),
    ),
    PublishedLoss(
        "repdistiller",
        "HobbitLong/RepDistiller",
        "b84f547c5db6a35318d4671d7d5c4de74c822403",
        "2023-10",
        "distiller_zoo/KD.py: DistillKL, weighted in helper/loops.py",
        described(hard_weight=1.0, soft_weight="alpha"),
        "source",
        temperature="kd_T",
        alpha="alpha",
        note="gamma, 1 by default, weights the hard term, and beta a further loss.",
        threads=("https://github.com/HobbitLong/RepDistiller/issues/52",),
    ),
    PublishedLoss(
        "mdistiller",
        *MDISTILLER,
        "mdistiller/distillers/KD.py: KD",
        described(soft_weight=0.9, hard_weight=0.1),
        "source",
        temperature="TEMPERATURE",
        note="KD_WEIGHT and CE_WEIGHT are free; 0.9 and 0.1 are their defaults.",
    ),
    PublishedLoss(
        "mdistiller-dkd",
        *MDISTILLER,
        "mdistiller/distillers/DKD.py: dkd_loss(alpha=1, beta=8)",
        Convention(
            (
                (weight(temperature=2.0), Term("target kl", TEACHER, STUDENT)),
                (weight(temperature=2.0, constant=8.0), Term("non-target kl", TEACHER, STUDENT)),
            )
        ),
        "source",
        temperature="temperature",
        note="Added to the cross entropy with labels; during the first epochs its weight grows from 0.",
        equivalent="T**2 * decoupled_kd_loss(s, t, y, temperature=T, target_weight=1, non_target_weight=8)",
    ),
    PublishedLoss(
        "logit-standardisation",
        "sunshangquan/logit-standardization-KD",
        "f6e5aa5172bad618e801163c3385322eea673754",
        "2024-06",
        "mdistiller/distillers/KD.py: kd_loss(logit_stand=True)",
        described(transform="standardised, ddof 1", hard_weight=None, soft_weight="1"),
        "source",
        temperature="temperature",
        note="Free weights for it and the hard term, 9 and 0.1 in the authors' runs.  1e-7 is added to the deviation.",
        equivalent="T**2 * standardised_kl_loss(s, t, temperature=T)",
    ),
    PublishedLoss(
        "kd-zoo",
        "AberHu/Knowledge-Distillation-Zoo",
        "65470c846c1300d555815da26999cbe2b51fc815",
        "2021-11",
        "kd_losses/st.py: SoftTarget",
        SOFT_ONLY,
        "source",
        temperature="T",
        note="The trainer weights it with lambda_kd.",
        threads=("https://github.com/AberHu/Knowledge-Distillation-Zoo/issues/12",),
    ),
    PublishedLoss(
        "intel-distiller",
        "IntelLabs/distiller",
        "d859fc85a3c9c3048442a4ccd9b98ac45f1e0dc4",
        "2023-04",
        "distiller/knowledge_distillation.py: KnowledgeDistillationPolicy",
        described(soft_weight=0.5, hard_weight=0.5),
        "source",
        temperature="temperature",
        note="Free weights, 0.5 and 0.5 by default.  T^2 was missing until 2019.",
        threads=("https://github.com/IntelLabs/distiller/issues/122",),
    ),
    PublishedLoss(
        "big-vision",
        "google-research/big_vision",
        "0127fb6b337ee2a27bf4e54dea79cff176527356",
        "2025-05",
        "big_vision/evaluators/proj/distill/distance.py: dist(kind='kl')",
        described(hard_weight=None, soft_weight="1", epsilon=(Floor("clip", 1e-8), None)),
        "source",
        temperature="t",
        note="No hard term: the paper trains on the teacher alone.  The teacher's logarithm is clipped at 1e-8, which "
        "changes no gradient.",
    ),
    PublishedLoss(
        "continual-learning",
        "GMvandeVen/continual-learning",
        "e6d795aa81b9cef742b8de76cb71222d4d1ce00b",
        "2025-11",
        "models/utils/loss_functions.py: loss_fn_kd",
        described("cross entropy", temperature_power=0.0, hard_weight=None, soft_weight="1"),
        "source",
        temperature="T, 2 by default",
        note="With norm=True it is multiplied by T^2.",
        threads=("https://github.com/GMvandeVen/continual-learning/issues/5",),
    ),
)
"""Losses of papers' repositories."""
