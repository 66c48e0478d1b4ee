"""The outside world behind ports: BMCs, SSH, git."""
