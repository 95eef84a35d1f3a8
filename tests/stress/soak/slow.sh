# Clients at a byte a second, and connections that say nothing.
full_case slow dawdlers
