"""Plans and diagnostics as text, JSON and Markdown. Pure."""
