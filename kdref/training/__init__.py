"""Training of the network: on labels (`train`) or on a teacher's logits (`distil`).

Everything random, the order of the examples and dropout's masks, comes from one generator, so that the same generator
gives the same network.  An optimiser is a record of its hyper-parameters; its memory is an explicit
`OptimiserState`, and a step makes the next state from the last.
"""

from kdref.training.loop import Callback as Callback
from kdref.training.loop import EpochReport as EpochReport
from kdref.training.loop import Schedule as Schedule
from kdref.training.loop import Trained as Trained
from kdref.training.loop import TrainingHistory as TrainingHistory
from kdref.training.loop import accuracy as accuracy
from kdref.training.loop import distil as distil
from kdref.training.loop import train as train
from kdref.training.optimisers import Adam as Adam
from kdref.training.optimisers import Optimiser as Optimiser
from kdref.training.optimisers import OptimiserState as OptimiserState
from kdref.training.optimisers import Sgd as Sgd
