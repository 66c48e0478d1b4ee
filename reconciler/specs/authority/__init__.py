"""Authority over a branch: who signed its commits, and whether they may order what those change. Pure."""
