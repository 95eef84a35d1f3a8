# Large files, a tree of a million entries, hard patterns.
full_case amplify sparse_file
full_case amplify hard_globs
full_case amplify broad_tree
