# A thousand connections in each of its three modes.
full_case slow slowhttptest
