"""What may help when a loss could not be run: another framework, backend, module path or call."""

import inspect
import re
import traceback
from collections.abc import Iterator
from types import ModuleType

from kdref.conformance.diagnosis.calls.frameworks import FRAMEWORKS, KERAS_BACKENDS
from kdref.conformance.diagnosis.calls.probes import BASE
from kdref.conformance.diagnosis.calls.signature import Loss, default_call, suggested_call


def hints(
    error: BaseException, module: ModuleType | None, name: str, framework: str, call: str | None
) -> Iterator[str]:
    """Lines, the likeliest cause first.

    Parameters
    ----------
    error : Exception
        What was raised.
    module : module or None
        Where the loss is; None if it could not be imported.
    name : str
        Of the loss.
    framework : str
        Whose arrays it was given.
    call : str or None
        The expression that it was called by.
    """
    if isinstance(error, ImportError):
        yield from _of_imports(error)
    loss = getattr(module, name, None)
    if module is None or not callable(loss) or inspect.isclass(loss):
        return
    used = frameworks_of(module)
    if used and framework not in (*used, "keras"):
        yield f"{module.__name__} uses {used[0]}: --framework {used[0]}"
    n, c, _ = BASE
    yield (
        f"it was called as {call or default_call(loss, name)}, first with logits of shape (N, C) = ({n}, {c}) and {n} "
        "labels; N and C differ from call to call, so that a fixed number of classes fails"
    )
    if call is None:
        yield from _of_calls(loss, name)


def frameworks_of(module: ModuleType) -> list[str]:
    """The frameworks that a module's names come from, other than NumPy."""
    held = vars(module).values()
    origins = {
        each.__name__ if inspect.ismodule(each) else getattr(each, "__module__", None)
        for each in held
    }
    roots = {origin.split(".")[0] for origin in origins if isinstance(origin, str)}
    return [known for known in FRAMEWORKS if known in roots - {"numpy"}]


def _of_imports(error: ImportError) -> Iterator[str]:
    if "relative import" in str(error):
        yield "a file with relative imports is given as MODULE:NAME, from the folder above its package"
    inside = any("keras" in f.filename for f in traceback.extract_tb(error.__traceback__))
    if error.name in KERAS_BACKENDS and inside:
        others = " or ".join(known for known in KERAS_BACKENDS if known != error.name)
        yield f"Keras is set to {error.name}, which is not installed: put KERAS_BACKEND={others} first"


def _of_calls(loss: Loss, name: str) -> Iterator[str]:
    """Another call, as the names suggest it, or one with an axis more."""
    called, suggested = default_call(loss, name), suggested_call(loss, name)
    if suggested != called:
        own = ", with yours in place of the dots" if "..." in suggested else ""
        yield f'its parameters suggest --call "{suggested}"{own}'
        return
    longer = re.sub(r"\b(student|teacher|labels)\b(?!=)", r"\1[None]", called)
    yield f'if it takes a batch of sequences, (B, L, C) and (B, L): --call "{longer}"'
