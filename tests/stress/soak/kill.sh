# 500 rounds of kill -9, and others that are stopped.
full_case kill killed
full_case kill stopped_hasher
full_case kill stopped_others
