# Malformed requests, and 200,000 that are changed at random.
full_case hostile malformed
full_case hostile pipelined
full_case hostile ways_out
full_case hostile mutants
