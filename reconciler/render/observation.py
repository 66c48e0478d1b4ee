"""An observation as JSON: what ``observe`` writes and ``plan --observed`` reads. It holds no secret.

Loading is strict about what is there and easy about what is not: fields that are missing take their defaults, so that
an observation of last year still replays; unknown fields are passed over.
"""

import json
from functools import cache

from pydantic import TypeAdapter, ValidationError

from ..model.errors import PermanentError
from ..model.machine import Observation

VERSION = 1
_MOST_SHOWN = 5  # problems of a broken file; more do not help


class ObservationError(PermanentError):
    """A text is not an observation that we can read; says where and why."""


@cache
def adapter() -> TypeAdapter[Observation]:
    """Converts observations; made once, for it takes a tenth of a second."""
    return TypeAdapter(Observation)


def dump_observation(observation: Observation) -> str:
    """The observation as one JSON object, its version first."""
    return f'{{"version":{VERSION},"observation":{adapter().dump_json(observation).decode()}}}'


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
