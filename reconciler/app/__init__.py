"""The running program: settings, the site, the loop, what watches machines, and what is published of them."""
