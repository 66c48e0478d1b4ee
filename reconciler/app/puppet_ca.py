"""The command that has Puppet's certificate authority forget a name, here or over ssh."""

from dataclasses import dataclass

from ..execution.drivers.hooks import run_child
from ..model.errors import PermanentError, TemporaryError
from ..provisioning.puppet_ca import clean_command, why_not_clean


@dataclass(frozen=True, slots=True)
class PuppetCa:
    """Cleans certificates by a command of the operator's."""

    command: tuple[str, ...]
    timeout: float  # seconds

    async def __call__(self, certname: str) -> None:
        """The authority has no certificate of that name.

        Raises:
            TemporaryError: It may still have one.
            PermanentError: That is no name of a certificate.
        """
        try:
            command = clean_command(self.command, certname)
        except ValueError as error:
            raise PermanentError(str(error)) from error
        status, said = await run_child(command, b"", self.timeout)
        if why := why_not_clean(certname, status, said):
            raise TemporaryError(f"Puppet's old certificate of {certname} was not cleaned by {command[0]}: {why}")
