"""The figures that the project promises, measured on this machine: ``python -m bench [NAME...]``.

One module per figure. ``docs/performance.md`` says what each of them does and does not show.
"""
