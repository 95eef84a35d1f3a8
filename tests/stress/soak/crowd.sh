# 5,000 connections against 64 descriptors.
full_case slow crowd
