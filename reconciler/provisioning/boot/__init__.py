"""Booting from the network: DHCP, boot scripts, the files of the TFTP server, the live image. Pure."""
