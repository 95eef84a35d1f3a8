# A thousand cold files at once, without and with the worst patterns.
full_case amplify cold_crowd
full_case amplify cold_crowd_and_patterns
