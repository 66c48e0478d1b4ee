"""A plan for its readers: programs, operators at a terminal, reviewers of a pull request. It cannot hold a secret."""

from .plan_json import plan_json
from .plan_markdown import plan_markdown
from .plan_part import only, part_of
from .plan_text import plan_text

__all__ = ["only", "part_of", "plan_json", "plan_markdown", "plan_text"]
