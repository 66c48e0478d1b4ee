"""The decision: observation and spec in, plan out. Pure."""
