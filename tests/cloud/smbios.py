"""What a machine's firmware says of it: SMBIOS tables, as the kernel shows them below /sys/firmware/dmi/tables.

The tables are those of the DMTF's System Management BIOS specification 3.0 (DSP0134): firmware, system, board, chassis
and one memory module. Real dmidecode reads them in a container as it does on a server.
"""

import struct
import uuid
from dataclasses import dataclass

_MAKER = "Dell Inc."
_UNKNOWN = 2  # of most enumerations there


@dataclass(frozen=True)
class Firmware:
    """What tells one machine from another."""

    serial: str
    product: str
    memory_mib: int

    @property
    def table(self) -> bytes:
        """The structures, to the mark of their end."""
        system_uuid = uuid.uuid5(uuid.NAMESPACE_DNS, self.serial).bytes_le
        firmware = struct.pack("<BBHBBQBBBBBB", 1, 2, 0xE000, 3, 0, 8, 0, 0, 2, 12, 0xFF, 0xFF)
        memory = (0x1000, 0xFFFE, 64, 64, self.memory_mib, 9, 0, 1, 2, 26, 0, 2933, 3, 4, 0, 0)
        chassis = bytes([1, 23, 0, 2, 0, 3, 3, 3, _UNKNOWN])
        structures = (
            _structure(0, firmware, _MAKER, "2.12.2", "01/01/2026"),
            _structure(1, bytes([1, 2, 0, 3]) + system_uuid + bytes([6, 0, 0]), _MAKER, self.product, self.serial),
            _structure(2, bytes([1, 2, 0, 3]), _MAKER, self.product, f"CN{self.serial}"),
            _structure(3, chassis, _MAKER, self.serial),
            _structure(17, struct.pack("<HHHHHBBBBBHHBBBB", *memory), "A1", "Bank 1", "Hynix", f"M{self.serial}"),
            _structure(127, b""),
        )
        return b"".join(structures)

    @property
    def entry_point(self) -> bytes:
        """Of 64 bits, as the kernel shows it: where the table lies does not matter there."""
        return self.entry_point_at(0)

    def entry_point_at(self, address: int) -> bytes:
        """Version 3.0, how long the table is, and where it lies."""
        body = struct.pack("<BBBBBBIQ", 0x18, 3, 0, 0, 1, 0, len(self.table), address)
        checksum = -sum(b"_SM3_" + body) % 256
        return b"_SM3_" + bytes([checksum]) + body


def _structure(kind: int, fields: bytes, *texts: str) -> bytes:
    strings = b"".join(text.encode("latin-1") + b"\0" for text in texts) or b"\0"
    return struct.pack("<BBH", kind, 4 + len(fields), kind << 8) + fields + strings + b"\0"
