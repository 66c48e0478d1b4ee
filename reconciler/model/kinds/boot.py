"""``provisioning.boot`` of the ``Fleet``: how machines boot from the network, and what the live image is made of."""

from pydantic import Field

from .base import Address, Console, KernelArgument, PackageName, SshPublicKey, Strict, Subnet, Url
from .cluster import NetworkRange


class BootNetwork(Strict):
    """A network on which machines boot, and what DHCP tells them there."""

    subnet: Subnet
    gateway: Address | None = Field(default=None, description="default: the first address")
    range: NetworkRange | None = Field(
        default=None, description="default: the longest run of addresses free of the gateway and of this server"
    )
    dns: tuple[Address, ...] = ()


class NetworkBoot(Strict):
    """How machines boot from the network."""

    networks: tuple[BootNetwork, ...] = Field(
        default=(), description="default: the trusted network that provisioning.address is in"
    )
    images: Url | None = Field(
        default=None, description="where kernel and live system are fetched from; default: this server"
    )
    consoles: tuple[Console, ...] = Field(
        default=("tty0", "ttyS0,115200", "ttyS1,115200"), description="of the live system; the last is the main one"
    )
    kernel_arguments: tuple[KernelArgument, ...] = Field(default=(), description="more, for the live system")
    authorized_keys: tuple[SshPublicKey, ...] = Field(
        default=(), description="who may log in to the live system besides the daemon: lines of an authorized_keys file"
    )
    packages: tuple[PackageName, ...] = Field(default=(), description="more Debian packages in the live image")
