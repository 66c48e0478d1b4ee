"""Ports that nobody listens on."""

import socket


def free_port(address: str = "127.0.0.1") -> int:
    return _free(address, socket.SOCK_DGRAM)


def free_tcp_port(address: str = "127.0.0.1") -> int:
    return _free(address, socket.SOCK_STREAM)


def _free(address: str, kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])
