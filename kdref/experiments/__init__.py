"""Teachers and students on real digits: comparisons over many seeds, and how their settings were chosen.

One module beside them, `kdref.experiments.gradients`, puts every gradient beside a numerical one.

Experiments return data; the command line prints it and `kdref.plots` draws it.
"""

from kdref.experiments.distillation import SeedResult as SeedResult
from kdref.experiments.distillation import run_seed as run_seed
from kdref.experiments.measures import Interval as Interval
from kdref.experiments.measures import Scores as Scores
from kdref.experiments.measures import best_correction as best_correction
from kdref.experiments.measures import bootstrap_interval as bootstrap_interval
from kdref.experiments.measures import class_similarity as class_similarity
from kdref.experiments.measures import confusion as confusion
from kdref.experiments.measures import corrected as corrected
from kdref.experiments.measures import forward_seconds as forward_seconds
from kdref.experiments.measures import score as score
from kdref.experiments.regimes import REGIMES as REGIMES
from kdref.experiments.regimes import Regime as Regime
from kdref.experiments.runner import RegimeResult as RegimeResult
from kdref.experiments.runner import Size as Size
from kdref.experiments.runner import Summary as Summary
from kdref.experiments.runner import run_experiment as run_experiment
from kdref.experiments.settings import Settings as Settings
from kdref.experiments.settings import tuned_settings as tuned_settings
from kdref.experiments.storage import load_run as load_run
from kdref.experiments.storage import save_run as save_run
from kdref.experiments.workers import available_cores as available_cores
