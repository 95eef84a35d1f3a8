# A thousand changes of mirror files, as they are remembered.
full_case mirror changes
