"""The article that the project grew from: its worked examples, and what it claims in words, examined with numbers."""

from kdref.article.claims import CLAIMS as CLAIMS
from kdref.article.claims import STUDENT_LOGITS as STUDENT_LOGITS
from kdref.article.claims import TEACHER_LOGITS as TEACHER_LOGITS
from kdref.article.claims import Claim as Claim
from kdref.article.effects import GradientNoise as GradientNoise
from kdref.article.effects import GradientSizes as GradientSizes
from kdref.article.effects import HighTemperatureLimit as HighTemperatureLimit
from kdref.article.effects import LabelInformation as LabelInformation
from kdref.article.effects import Softening as Softening
from kdref.article.effects import gradient_noise as gradient_noise
from kdref.article.effects import gradient_sizes as gradient_sizes
from kdref.article.effects import high_temperature_limit as high_temperature_limit
from kdref.article.effects import label_information as label_information
from kdref.article.effects import softening as softening
from kdref.article.rescaling import Rescaling as Rescaling
from kdref.article.rescaling import rescaling as rescaling
from kdref.article.worked_examples import TITLE as TITLE
from kdref.article.worked_examples import WORKED_EXAMPLES as WORKED_EXAMPLES
from kdref.article.worked_examples import Reproduction as Reproduction
from kdref.article.worked_examples import WorkedExample as WorkedExample
from kdref.article.worked_examples import kl_terms as kl_terms
from kdref.article.worked_examples import reproduce as reproduce
