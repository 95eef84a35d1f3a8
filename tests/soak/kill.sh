# 500 rounds of kill -9, and a hasher or the cache that is stopped.
full_case kill killed
full_case kill stopped_hasher
full_case kill stopped_cache
