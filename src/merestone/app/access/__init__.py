"""Who has which right where: asking for it at a place, giving and ending it, and saying why somebody sees something."""
