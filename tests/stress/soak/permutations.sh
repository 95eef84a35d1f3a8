# 100,000 permutations of a set of paths against a small cache.
full_case amplify permutations
