"""Figures from data that others computed: each function takes arrays and an ``Axes`` and returns it.

Colours are those of Okabe and Ito, which the colour-blind can tell apart; each line has a second cue beside its
colour.  Nothing here touches global settings or shows a window, and matplotlib is imported only when
something is drawn.
"""

from kdref.plots._drawing import COLOURS as COLOURS
from kdref.plots._drawing import QUIET as QUIET
from kdref.plots.accuracy import plot_errors as plot_errors
from kdref.plots.temperature import plot_gradient_noise as plot_gradient_noise
from kdref.plots.temperature import plot_gradient_sizes as plot_gradient_sizes
from kdref.plots.temperature import plot_label_information as plot_label_information
from kdref.plots.temperature import plot_limit as plot_limit
from kdref.plots.temperature import plot_softening as plot_softening
from kdref.plots.training import plot_class_similarity as plot_class_similarity
from kdref.plots.training import plot_confusion as plot_confusion
from kdref.plots.training import plot_curves as plot_curves
from kdref.plots.training import plot_intervals as plot_intervals
