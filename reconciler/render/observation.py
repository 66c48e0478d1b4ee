"""An observation as JSON: what ``observe`` writes and ``plan --observed`` reads. It holds no secret.

Loading is strict about what is there and easy about what is not: fields that are missing take their defaults, so that
an observation of last year still replays; unknown fields are passed over.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from pydantic import TypeAdapter, ValidationError

from ..model.actions import InstallOs
from ..model.errors import PermanentError
from ..model.machine import MachineView, Observation

VERSION = 1
_NO_MACHINES = b'"machines":[]'
_AT_ONCE = 200  # machines in a piece
_MOST_SHOWN = 5  # problems of a broken file; more do not help


class ObservationError(PermanentError):
    """A text is not an observation that we can read; says where and why."""


@cache
def adapter() -> TypeAdapter[Observation]:
    """Converts observations; made once, for it takes a tenth of a second."""
    return TypeAdapter(Observation)


@cache
def _machines() -> TypeAdapter[tuple[MachineView, ...]]:
    return TypeAdapter(tuple[MachineView, ...])


def dump_observation(observation: Observation) -> str:
    """The observation as one JSON object, its version first."""
    return b"".join(pieces_of(observation)).decode()


def pieces_of(observation: Observation) -> Iterator[bytes]:
    """The JSON piece by piece: ten thousand machines are 30 MB, which a daemon need not hold several times over."""
    rest = adapter().dump_json(replace(observation, machines=()))
    head, tail = rest.split(_NO_MACHINES, 1)
    yield b'{"version":%d,"observation":%b"machines":[' % (VERSION, head)
    for start in range(0, len(observation.machines), _AT_ONCE):
        some = _machines().dump_json(tuple(map(_shown, observation.machines[start : start + _AT_ONCE])))
        yield (b"," if start else b"") + some[1:-1]
    yield b"]%b}" % tail


def _shown(view: MachineView) -> MachineView:
    """A machine without what may be secret in the address from which it fetches its image just now."""
    action = view.history.open_action
    if not isinstance(action, InstallOs) or action.image is None:
        return view
    without = replace(action, image=action.image.shown)
    return replace(view, history=replace(view.history, open_action=without))


def load_observation(text: str) -> Observation:
    """The observation that ``dump_observation`` wrote.

    Raises:
        ObservationError: It is not JSON, of another version, or a value is not what it should be.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ObservationError(f"the observation is not JSON: {error}") from None
    if not isinstance(found, dict) or "observation" not in found:
        raise ObservationError('this is not an observation: it should be an object with "version" and "observation"')
    if found.get("version") != VERSION:
        raise ObservationError(f"the observation is of version {found.get('version')!r}; this program reads {VERSION}")
    try:
        observation = adapter().validate_json(json.dumps(found["observation"]))
    except ValidationError as error:
        raise ObservationError(f"the observation cannot be read: {_problems(error)}") from None
    if observation.now.tzinfo is None:
        raise ObservationError("the observation cannot be read: now: the time needs its zone, such as +00:00")
    return observation


def _problems(error: ValidationError) -> str:
    shown = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:_MOST_SHOWN]]
    more = [f"and {error.error_count() - _MOST_SHOWN} more"] if error.error_count() > _MOST_SHOWN else []
    return "; ".join([*shown, *more])
