# Calls that fail, full disks, power that fails 100 times, other writers.
full_case disk failing_calls
full_case disk full_disk
full_case disk power_loss
full_case disk replaced
full_case disk directory
full_case disk writers
