# Every bit of an entry of each kind, and every length.
full_case disk damage
